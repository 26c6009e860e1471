import type { Config } from '../core/config'
import { type DataDir, DataDirInUse } from '../embedded/data-dir'
import { openEmbeddedDataDir } from '../server/storage'

/** Throws when DATABASE_URL is set. The tools of PostgreSQL also cover other databases, roles and replicas. */
export function assertEmbedded({ databaseUrl }: Config, instead: string) {
  if (databaseUrl !== null)
    throw new Error(
      `this command is for the embedded database, and DATABASE_URL is set: for PostgreSQL, ${instead}`,
    )
}

/** Locks the directory of a stopped service. Throws when a service runs. */
export function openStoppedDataDir({ dataDir }: Config): DataDir {
  try {
    return openEmbeddedDataDir(dataDir)
  } catch (error) {
    if (error instanceof DataDirInUse) throw new Error(`${error.message}; stop it first`)
    throw error
  }
}
