import type { Sql } from 'postgres'
import { openDatabase } from '../postgres/database'
import { startEmbedded } from './start-embedded'

// Required by openDatabase. `work` uses the driver directly, which has no deadline.
const statementTimeoutMilliseconds = 60_000

/** Starts the embedded database in `dataDir`, runs `work` on it and closes it. The caller holds the lock. */
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
