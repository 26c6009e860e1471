import type { Sql } from 'postgres'
import { openDatabase } from '../postgres/database'
import { startEmbedded } from './start-embedded'

// For the few statements that are under admission; those of a backup are not.
const statementTimeoutMilliseconds = 60_000

/** Runs `work` on the embedded database in `dataDir`, whose lock the caller holds, and closes it. */
export async function withEmbeddedDatabase<T>(
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
