import type { Db } from './rows'

type Transactional = {
  db: Db
  /** Runs `work` once the change is committed; at once when there is no transaction. */
  afterCommit(work: () => void): void
}

/**
 * Runs `work` in one transaction. What it is given shadows `deps`, so nothing inside can reach the outer connection, and
 * a log line or a notice, which must not be sent before it is true, waits for the commit.
 */
export async function withTransaction<D extends Transactional, T>(
  deps: D,
  work: (deps: D) => Promise<T>,
): Promise<T> {
  const later: (() => void)[] = []
  const afterCommit = (work: () => void) => {
    later.push(work)
  }
  const result = await deps.db.transaction((tx) => work({ ...deps, db: tx, afterCommit }))
  for (const work of later) deps.afterCommit(work)
  return result
}
