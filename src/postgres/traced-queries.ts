import type { Step } from '../core/tracing'
import { type Client, lazyStatement, type Query, type Transaction } from './client'
import { querySummary } from './query-summary'

const system = { 'db.system.name': 'postgresql' }

/** A client with a span for each query and transaction. Names hold operation and table, never SQL or parameters. */
export const traced = (client: Client, step: Step): Client => ({
  options: client.options,
  unsafe: tracedStatements(client, step),
  begin: (work) =>
    step('transaction', system, () =>
      client.begin((transaction) => work(tracedTransaction(transaction, step))),
    ),
})

const tracedTransaction = (transaction: Transaction, step: Step): Transaction => ({
  unsafe: tracedStatements(transaction, step),
  savepoint: (work) =>
    step('savepoint', system, () =>
      transaction.savepoint((savepoint) => work(tracedTransaction(savepoint, step))),
    ),
})

const tracedStatements =
  (target: Pick<Client, 'unsafe'>, step: Step) =>
  (...query: Query) => {
    const { summary, operation } = querySummary(query[0])
    const attributes = { ...system, 'db.operation.name': operation, 'db.query.summary': summary }
    return lazyStatement((fetch) =>
      step(summary, attributes, async () => await fetch(target.unsafe(...query))),
    )
  }
