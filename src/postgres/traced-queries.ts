import type { Sql } from 'postgres'
import type { Step } from '../core/tracing'
import { lazily, replacing } from './query-admission'
import { querySummary } from './query-summary'

type Query = Parameters<Sql['unsafe']>
type Pending = ReturnType<Sql['unsafe']>
type Work = (transaction: Client) => Promise<unknown>

/** What Drizzle uses of the driver: the pool, a transaction, a savepoint. */
type Client = {
  unsafe(...query: Query): Pending
  begin?(work: Work): Promise<unknown>
  savepoint?(work: Work): Promise<unknown>
}

const system = { 'db.system.name': 'postgresql' }

/** The same client, every query and transaction a step of its own: named by kind and table, never by text or parameters. */
export function traced<T extends Client>(client: T, step: Step): T {
  const unsafe = (...query: Query) => {
    const { summary, operation } = querySummary(query[0])
    const about = { ...system, 'db.operation.name': operation, 'db.query.summary': summary }
    const run = <R>(start: (pending: Pending) => PromiseLike<R>) =>
      step(summary, about, async () => await start(client.unsafe(...query)))
    return lazily(() => run((pending) => pending), { values: () => run((pending) => pending.values()) })
  }
  const inner = (work: Work) => (transaction: Client) => work(traced(transaction, step))
  return replacing(client, {
    unsafe,
    begin: (work: Work) => step('transaction', system, async () => client.begin?.(inner(work))),
    savepoint: (work: Work) => step('savepoint', system, async () => client.savepoint?.(inner(work))),
  })
}
