import { copyFileSync, existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Sql } from 'postgres'
import { hasDatabase } from '../backup/restore-staging'
import type { Config } from '../core/config'
import { type DataDir, DataDirInUse, openDataDir } from '../embedded/data-dir'
import { refuseRoot } from '../embedded/file-owner'
import { copyCluster, snapshotDir } from '../embedded/snapshot'
import { withEmbeddedDatabase } from '../embedded/with-embedded-database'
import { requestSnapshot } from './control-client'
import { openOrConnect } from './open-or-connect'
import { keyFile, openEmbeddedDataDir } from './storage'

// Leaves space for what a running service writes meanwhile.
const spareBytes = 64 * 1024 * 1024

/** An open copy of the database. The file at `keyPath` exists only when DATA_DIR has a generated key. */
type OpenSnapshot = { sql: Sql; keyPath: string }

/**
 * Runs `work` on a copy of the embedded database and removes the copy afterwards. The original stays in use meanwhile:
 * reading all of it in one transaction would block every request, and copying its files does not.
 */
export async function withSnapshot<T>(
  config: Config,
  onCleanup: (cleanup: () => void) => void,
  work: (snapshot: OpenSnapshot) => Promise<T>,
): Promise<T> {
  if (!hasDatabase(resolve(config.dataDir)))
    throw new Error(`there is no embedded database in DATA_DIR ${config.dataDir}`)
  // The process that holds the database could not write its copy to a directory of root.
  refuseRoot(resolve(config.dataDir))
  const snapshot = openSnapshotDir(config)
  const removeCopy = () => rmSync(snapshot.path, { recursive: true, force: true })
  onCleanup(removeCopy)
  try {
    const access = await openOrConnect(config, () => openEmbeddedDataDir(config.dataDir))
    await copyDatabase(config, snapshot.path, access)
    const keyPath = join(snapshot.path, keyFile)
    return await withEmbeddedDatabase({ dataDir: snapshot.path, fsync: false }, (sql) =>
      work({ sql, keyPath }),
    )
  } finally {
    removeCopy()
    snapshot.release()
  }
}

/** Copies the key while no restore can replace it, because a key belongs to one database. */
async function copyDatabase(
  config: Config,
  target: string,
  access: { opened: DataDir } | { socket: string },
) {
  const dataDir = resolve(config.dataDir)
  const cluster = join(dataDir, 'pg')
  try {
    assertFreeSpace(config, cluster)
    if ('socket' in access) await requestSnapshot(access.socket)
    else await copyCluster(cluster, join(target, 'pg'))
    const key = join(dataDir, keyFile)
    if (existsSync(key)) copyFileSync(key, join(target, keyFile))
  } finally {
    if ('opened' in access) access.opened.release()
  }
}

function openSnapshotDir({ dataDir }: Config): DataDir {
  try {
    return openDataDir(snapshotDir(resolve(dataDir)))
  } catch (error) {
    if (error instanceof DataDirInUse) throw new Error(`another backup of DATA_DIR ${dataDir} is under way`)
    throw error
  }
}

/** Refuses to fill the disk, because the service would fail too. */
function assertFreeSpace({ dataDir }: Config, cluster: string) {
  const { bavail, bsize } = statfsSync(cluster)
  const needed = directoryBytes(cluster) + spareBytes
  if (bavail * bsize < needed)
    throw new Error(
      `DATA_DIR ${dataDir} has no room for a copy of the database: ${megabytes(needed)} are needed for a while, ${megabytes(bavail * bsize)} are free`,
    )
}

/** Files may be deleted while they are counted. */
const directoryBytes = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0)

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`
