import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import postgres, { type Sql, type TransactionSql } from 'postgres'
import { hasDatabase } from '../backup/restore-staging'
import { migrationsOf, tablesOf } from '../backup/tables'
import { type Contents, exportContents, importContents } from '../backup/transfer'
import { type Config, type Environment, loadConfig } from '../core/config'
import { randomText } from '../core/crypto'
import { translate } from '../postgres/database-errors'
import { applyOnce, migrationsBehind } from '../postgres/migrate'
import { migrations } from '../postgres/migrations'
import { keyFile } from '../server/storage'
import { onEmbedded, openStoppedDataDir } from './embedded-access'
import { counted, createProgress, sizeOf } from './progress'
import { atTerminal, firstLine } from './prompt'
import { UsageError } from './usage-error'

export type MigrateToOptions = { url?: string }

/** Copies the embedded database to a PostgreSQL server, in one transaction there, and says what to do next. */
export async function migrateTo(environment: Environment, { url: given }: MigrateToOptions): Promise<number> {
  const config = loadConfig({ ...environment, DATABASE_URL: undefined, DATABASE_URL_FILE: undefined })
  const url = await targetUrl(environment, given)
  if (!hasDatabase(resolve(config.dataDir)))
    throw new Error(`there is no embedded database in DATA_DIR ${config.dataDir}`)
  // What a service wrote after the copy began would be lost.
  const source = openStoppedDataDir(config)
  const target = connect(url)
  try {
    const fsync = config.isEmbeddedDurable
    const size = await onEmbedded({ dataDir: source.path, fsync }, (from) => copy(from, target))
    process.stdout.write(nextSteps(config, size))
    return 0
  } catch (error) {
    throw translate(error)
  } finally {
    await target.end({ timeout: 5 })
    source.release()
  }
}

/** From the argument, from whoever is asked, or from the configuration; checked as the configuration is. */
async function targetUrl(environment: Environment, given: string | undefined): Promise<string> {
  const { DATABASE_URL, DATABASE_URL_FILE } = environment
  const named = given === '-' ? await askForUrl() : given
  const variables = named === undefined ? { DATABASE_URL, DATABASE_URL_FILE } : { DATABASE_URL: named }
  // The key is the service's business; here it only has to be there.
  const { databaseUrl } = loadConfig({ ...variables, JWT_SECRET: randomText(32) })
  if (databaseUrl === null)
    throw new UsageError('name the database: an argument, - to be asked, or DATABASE_URL')
  return databaseUrl
}

const askForUrl = () => (isatty(0) ? atTerminal((ask) => ask('DATABASE_URL: ')) : firstLine('the address'))

const connect = (url: string) =>
  postgres(url, {
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    connection: { application_name: 'fastkit migrate-to' },
    onnotice: () => {
      // Notices are for people at a prompt.
    },
  })

const copy = (from: Sql, to: Sql): Promise<string> =>
  from.begin('isolation level repeatable read read only', (source) =>
    to.begin(async (target) => {
      // Counting here may take longer than the server lets a transaction wait.
      await target`set local idle_in_transaction_session_timeout = 0`
      const contents = await exportContents(source)
      await prepare(target, contents)
      const progress = createProgress()
      const { sums } = contents
      await importContents(target, {
        sums,
        chunks: counted(contents.chunks, { what: 'copying', sums, progress }),
      })
      progress.end()
      return sizeOf(sums)
    }),
  )

/** Makes the schema, or takes one that is there if it is the same and empty. Throws otherwise. */
async function prepare(target: TransactionSql, { migrations: applied }: Contents) {
  const wanted = migrationsBehind('the embedded database', applied, migrations)
  const tables = await tablesOf(target)
  const there = await migrationsOf(target)
  const isSame =
    there.length === 0 || JSON.stringify(there.toSorted(byName)) === JSON.stringify(applied.toSorted(byName))
  if ((there.length === 0 && tables.length > 0) || !isSame)
    throw new Error(`the database there has other tables, such as ${tables[0]?.name}; name an empty one`)
  for (const migration of wanted) await applyOnce(target, migration)
  for (const { name } of tables) {
    await target.unsafe(`lock table ${name} in access exclusive mode`)
    const rows = await target.unsafe(`select from ${name} limit 1`)
    if (rows.length > 0) throw new Error(`the database there is not empty: ${name} has rows`)
  }
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)

function nextSteps({ dataDir, jwtSecrets }: Config, size: string): string {
  const key = resolve(dataDir, keyFile)
  const secret = jwtSecrets ? 'JWT_SECRET as before' : `JWT_SECRET_FILE=${key} (or a copy of it)`
  return [
    `copied ${size}; counts and checksums agree. Next:`,
    '1. set DATABASE_URL to the new database',
    `2. set ${secret}, so that everyone stays signed in`,
    `3. start fastkit; ${dataDir} is as it was, and nothing reads its database any more`,
    '',
  ].join('\n')
}
