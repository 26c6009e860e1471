import type { Db } from './rows'

type Transactional = {
  db: Db
  /** Runs `work` after the commit, or at once outside of a transaction. */
  afterCommit(work: () => void): void
}

/**
 * Runs `work` in one transaction. Its parameter shadows `deps`, so code inside cannot reach the outer connection. Log
 * lines and events wait for the commit, because a rollback would make them untrue.
 */
export async function withTransaction<D extends Transactional, T>(
  deps: D,
  work: (deps: D) => Promise<T>,
): Promise<T> {
  const afterwards: (() => void)[] = []
  const afterCommit = (work: () => void) => {
    afterwards.push(work)
  }
  const result = await deps.db.transaction((tx) => work({ ...deps, db: tx, afterCommit }))
  for (const work of afterwards) deps.afterCommit(work)
  return result
}
