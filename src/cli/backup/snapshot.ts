import { existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Sql } from 'postgres'
import type { Config } from '../../core/config'
import { type DataDir, DataDirInUse, openDataDir } from '../../db/data-dir'
import { copyCluster, snapshotDir } from '../../db/embedded/snapshot'
import { askForSnapshot } from '../control/client'
import { openOrReach } from '../control/reach'
import { onEmbedded } from './embedded'
import type { Cleanups } from './interrupted'

// What a service writes meanwhile must find room as well.
const spareBytes = 64 * 1024 * 1024

/**
 * Runs `work` on a copy of the embedded database, which is gone afterwards. The database itself goes on meanwhile:
 * reading all of it in one transaction would hold up everyone, copying its files does not.
 */
export async function onSnapshot<T>(
  config: Config,
  cleanups: Cleanups,
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const cluster = join(resolve(config.dataDir), 'pg')
  if (!existsSync(cluster)) throw new Error(`there is no embedded database in DATA_DIR ${config.dataDir}`)
  const place = takePlace(config)
  const clear = () => rmSync(place.path, { recursive: true, force: true })
  cleanups.add(clear)
  try {
    assertRoom(config, cluster)
    const copy = join(place.path, 'pg')
    const reached = await openOrReach(config, () => openDataDir(config.dataDir))
    if ('socket' in reached) await askForSnapshot(reached.socket)
    else await copyCluster(cluster, copy).finally(reached.opened.release)
    return await onEmbedded({ dataDir: place.path, fsync: false }, work)
  } finally {
    clear()
    place.release()
  }
}

function takePlace({ dataDir }: Config): DataDir {
  try {
    return openDataDir(snapshotDir(resolve(dataDir)))
  } catch (error) {
    if (error instanceof DataDirInUse) throw new Error(`another backup of DATA_DIR ${dataDir} is under way`)
    throw error
  }
}

/** A disk that the copy fills would fail the service, too. */
function assertRoom({ dataDir }: Config, cluster: string) {
  const { bavail, bsize } = statfsSync(cluster)
  const needed = bytesIn(cluster) + spareBytes
  if (bavail * bsize < needed)
    throw new Error(
      `DATA_DIR ${dataDir} has no room for a copy of the database: ${megabytes(needed)} are needed for a while, ${megabytes(bavail * bsize)} are free`,
    )
}

/** Files may vanish while they are counted. */
const bytesIn = (dir: string) =>
  readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0)
    .reduce((sum, size) => sum + size, 0)

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`
