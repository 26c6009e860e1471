import { copyFileSync, existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Sql } from 'postgres'
import { hasDatabase } from '../backup/restore-staging'
import type { Config } from '../core/config'
import { type DataDir, DataDirInUse, openDataDir } from '../embedded/data-dir'
import { copyCluster, snapshotDir } from '../embedded/snapshot'
import { withEmbeddedDatabase } from '../embedded/with-embedded-database'
import { askForSnapshot } from './control-client'
import { openOrConnect } from './open-or-connect'
import { keyFile, openEmbeddedDataDir } from './storage'

// A running service writes meanwhile and needs room as well.
const spareBytes = 64 * 1024 * 1024

/** A copy of the database, open, and of the key that belongs to it, if there is one. */
type OpenSnapshot = { sql: Sql; keyPath: string }

/**
 * Runs `work` on a copy of the embedded database, which is removed afterwards. The database itself goes on meanwhile:
 * reading all of it in one transaction would hold up everyone, copying its files does not.
 */
export async function withSnapshot<T>(
  config: Config,
  onCleanup: (cleanup: () => void) => void,
  work: (snapshot: OpenSnapshot) => Promise<T>,
): Promise<T> {
  if (!hasDatabase(resolve(config.dataDir)))
    throw new Error(`there is no embedded database in DATA_DIR ${config.dataDir}`)
  const snapshot = openSnapshotDir(config)
  const clear = () => rmSync(snapshot.path, { recursive: true, force: true })
  onCleanup(clear)
  try {
    const reached = await openOrConnect(config, () => openEmbeddedDataDir(config.dataDir))
    await copyDatabase(config, snapshot.path, reached)
    const keyPath = join(snapshot.path, keyFile)
    return await withEmbeddedDatabase({ dataDir: snapshot.path, fsync: false }, (sql) =>
      work({ sql, keyPath }),
    )
  } finally {
    clear()
    snapshot.release()
  }
}

/** The key is copied while nobody can restore another: with a database it does not belong to, it is no use. */
async function copyDatabase(
  config: Config,
  target: string,
  reached: { opened: DataDir } | { socket: string },
) {
  const dataDir = resolve(config.dataDir)
  const cluster = join(dataDir, 'pg')
  try {
    assertFreeSpace(config, cluster)
    if ('socket' in reached) await askForSnapshot(reached.socket)
    else await copyCluster(cluster, join(target, 'pg'))
    const key = join(dataDir, keyFile)
    if (existsSync(key)) copyFileSync(key, join(target, keyFile))
  } finally {
    if ('opened' in reached) reached.opened.release()
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

/** A disk that the copy fills would fail the service, too. */
function assertFreeSpace({ dataDir }: Config, cluster: string) {
  const { bavail, bsize } = statfsSync(cluster)
  const needed = directoryBytes(cluster) + spareBytes
  if (bavail * bsize < needed)
    throw new Error(
      `DATA_DIR ${dataDir} has no room for a copy of the database: ${megabytes(needed)} are needed for a while, ${megabytes(bavail * bsize)} are free`,
    )
}

/** Files may vanish while they are counted. */
const directoryBytes = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0)

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`
