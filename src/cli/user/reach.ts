import type { Config } from '../../core/config'
import { createLog } from '../../core/log'
import { DataDirInUse } from '../../db/data-dir'
import { isMigrated, migrate } from '../../db/migrate'
import { migrations } from '../../db/migrations'
import { assemble } from '../assemble'
import { ask, runningService } from '../control/client'
import { openStorage, type Storage } from '../storage'
import { type Accounts, perform, type UserCommand } from './command'

/** Performs commands where the accounts are: in the database itself, or through the service that has it open. */
export type Accountant = { perform(command: UserCommand): Promise<Accounts>; close(): Promise<void> }

const longestWaitMilliseconds = 10_000
const pauseMilliseconds = 100

/**
 * The lock on `DATA_DIR` decides: whoever gets it opens the database, anyone else asks the holder. A holder that does not
 * listen is starting, ending or itself a command, so both are tried again for ten seconds.
 */
export async function reachAccounts(config: Config): Promise<Accountant> {
  const deadline = performance.now() + longestWaitMilliseconds
  for (;;) {
    const storage = await openUnlessInUse(config)
    if (storage) return direct(config, storage)
    const socket = await runningService(config)
    if (socket) return { perform: (command) => ask(socket, command), close: () => Promise.resolve() }
    if (performance.now() > deadline)
      throw new Error(`the service on DATA_DIR ${config.dataDir} does not answer`)
    await Bun.sleep(pauseMilliseconds)
  }
}

async function openUnlessInUse(config: Config): Promise<Storage | null> {
  try {
    return await openStorage(config)
  } catch (error) {
    if (error instanceof DataDirInUse) return null
    throw error
  }
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
