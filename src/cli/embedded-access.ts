import type { Config } from '../core/config'
import { type DataDir, DataDirInUse } from '../embedded/data-dir'
import { openEmbeddedDataDir } from '../server/storage'

/** A server has tools of its own, which know more than we do: of other databases, roles, replicas. */
export function assertEmbedded({ databaseUrl }: Config, instead: string) {
  if (databaseUrl !== null)
    throw new Error(`DATABASE_URL is set, and this is for the embedded database; for PostgreSQL, ${instead}`)
}

/** The directory of a stopped service. Throws when one runs. */
export function openStoppedDataDir({ dataDir }: Config): DataDir {
  try {
    return openEmbeddedDataDir(dataDir)
  } catch (error) {
    if (error instanceof DataDirInUse) throw new Error(`${error.message}; stop it first`)
    throw error
  }
}
