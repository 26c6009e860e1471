import type { Sql } from 'postgres'
import { promoteRestore } from '../backup/restore-staging'
import type { Config } from '../core/config'
import { type DataDir, DataDirInUse, openDataDir } from '../embedded/data-dir'
import { startEmbedded } from '../embedded/start-embedded'
import { openDatabase } from '../postgres/database'

/** A server has tools of its own, which know more than we do: of other databases, roles, replicas. */
export function refuseServer({ databaseUrl }: Config, instead: string) {
  if (databaseUrl !== null)
    throw new Error(`DATABASE_URL is set, and this is for the embedded database; for PostgreSQL, ${instead}`)
}

/** The directory, and in it the database that the next start would use. Throws DataDirInUse. */
export function openWithDatabase({ dataDir }: Config): DataDir {
  const opened = openDataDir(dataDir)
  // A restore that was killed after its commit has left two.
  promoteRestore(opened.path)
  return opened
}

/** For what a running service must not get in the way of. Throws when one runs. */
export function openStoppedDataDir(config: Config): DataDir {
  try {
    return openWithDatabase(config)
  } catch (error) {
    if (error instanceof DataDirInUse) throw new Error(`${error.message}; stop it first`)
    throw error
  }
}

// For the few statements that are under admission; those of a backup are not.
const statementTimeoutMilliseconds = 60_000

/** Runs `work` on the embedded database in `dataDir`, whose lock the caller holds, and closes it. */
export async function onEmbedded<T>(
  { dataDir, fsync }: { dataDir: string; fsync: boolean },
  work: (sql: Sql) => Promise<T>,
): Promise<T> {
  const embedded = await startEmbedded({ dataDir, fsync })
  const database = openDatabase({ socketPath: embedded.socketPath, statementTimeoutMilliseconds })
  try {
    return await Promise.race([work(database.sql), embedded.failed.then(rethrow)])
  } finally {
    await database.close()
    await embedded.close()
  }
}

function rethrow(error: Error): never {
  throw error
}
