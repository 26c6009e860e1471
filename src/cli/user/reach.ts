import type { Config } from '../../core/config'
import { createLog } from '../../core/log'
import { isMigrated, migrate } from '../../db/migrate'
import { migrations } from '../../db/migrations'
import { assemble } from '../assemble'
import { ask } from '../control/client'
import { openOrReach } from '../control/reach'
import { openStorage, type Storage } from '../storage'
import { type Accounts, perform, type UserCommand } from './command'

/** Performs commands where the accounts are: in the database itself, or through the service that has it open. */
export type Accountant = { perform(command: UserCommand): Promise<Accounts>; close(): Promise<void> }

/** Opens the database, or has the service that has it open perform what is asked. */
export async function reachAccounts(config: Config): Promise<Accountant> {
  const reached = await openOrReach(config, () => openStorage(config))
  if ('opened' in reached) return direct(config, reached.opened)
  return { perform: (command) => ask(reached.socket, command), close: () => Promise.resolve() }
}

async function direct(config: Config, storage: Storage): Promise<Accountant> {
  try {
    await prepareSchema(config, storage)
    // What happens is kept in the audit events; standard output belongs to the answer.
    const log = await createLog({ level: 'silent', format: 'json' })
    const deps = await assemble({ config, log, ...storage, isListening: false })
    return { perform: (command) => perform(deps, command), close: storage.close }
  } catch (error) {
    await storage.close()
    throw error
  }
}

/** An embedded database is nobody else's; one on a server may serve instances that a new schema would surprise. */
async function prepareSchema({ databaseUrl }: Config, { database: { sql } }: Storage) {
  if (databaseUrl === null) await migrate(sql, migrations)
  else if (!(await isMigrated(sql, migrations)))
    throw new Error('the database is not at the schema of this executable; see `fastkit migrate`')
}
