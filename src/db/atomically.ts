import type { Db } from './rows'

/** Runs `work` in one transaction; what it is given shadows `deps`, so nothing inside can reach the outer connection. */
export const atomically = <D extends { db: Db }, T>(deps: D, work: (deps: D) => Promise<T>): Promise<T> =>
  deps.db.transaction((tx) => work({ ...deps, db: tx }))
