import type { Config } from '../core/config'
import { createLog } from '../core/log'
import { isMigrated, migrate } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { sendCommand } from '../server/control-client'
import { createDeps } from '../server/create-deps'
import { openOrConnect } from '../server/open-or-connect'
import { openStorage, type Storage } from '../server/storage'
import { type Accounts, perform, type UserCommand } from '../server/user-admin'

/** Runs user commands directly on the database, or through the service that has it open. */
export type UserAdminClient = { perform(command: UserCommand): Promise<Accounts>; close(): Promise<void> }

/** Opens the database, or connects to the service that has it open. */
export async function openUserAdmin(config: Config): Promise<UserAdminClient> {
  const reached = await openOrConnect(config, () => openStorage(config))
  if ('opened' in reached) return direct(config, reached.opened)
  return { perform: (command) => sendCommand(reached.socket, command), close: () => Promise.resolve() }
}

async function direct(config: Config, storage: Storage): Promise<UserAdminClient> {
  try {
    await prepareSchema(config, storage)
    // Audit events record the changes. Standard output belongs to the result.
    const log = createLog({ level: 'silent', format: 'json' })
    const { deps } = await createDeps({ config, log, ...storage, isListening: false })
    return { perform: (command) => perform(deps, command), close: storage.close }
  } catch (error) {
    await storage.close()
    throw error
  }
}

/** Migrates an embedded database. On a server it only checks: a new schema could break instances that run now. */
async function prepareSchema({ databaseUrl }: Config, { database: { sql } }: Storage) {
  if (databaseUrl === null) await migrate(sql, migrations)
  else if (!(await isMigrated(sql, migrations)))
    throw new Error('the database is not at the schema of this executable; see `fastkit migrate`')
}
