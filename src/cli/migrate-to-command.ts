import { resolve } from 'node:path'
import { isatty } from 'node:tty'
import { connectServer, copyToServer } from '../backup/copy-to-server'
import { hasDatabase } from '../backup/restore-staging'
import { type Config, type Environment, loadConfig } from '../core/config'
import { randomText } from '../core/crypto'
import { withEmbeddedDatabase } from '../embedded/with-embedded-database'
import { translate } from '../postgres/database-errors'
import { keyFile } from '../server/storage'
import { openStoppedDataDir } from './embedded-access'
import { createProgress, formatSize } from './progress'
import { firstLine, withPrompt } from './prompt'
import { UsageError } from './usage-error'

export type MigrateToOptions = { url?: string }

/** Copies the embedded database to a PostgreSQL server in one transaction, and prints the next steps. */
export async function migrateTo(
  environment: Environment,
  { url: urlArgument }: MigrateToOptions,
): Promise<number> {
  const config = loadConfig({ ...environment, DATABASE_URL: undefined, DATABASE_URL_FILE: undefined })
  const url = await targetUrl(environment, urlArgument)
  if (!hasDatabase(resolve(config.dataDir)))
    throw new Error(`there is no embedded database in DATA_DIR ${config.dataDir}`)
  // A running service could make changes after the copy has begun, which would be lost.
  const source = openStoppedDataDir(config)
  const target = connectServer(url)
  const progress = createProgress('copying')
  try {
    const fsync = config.isEmbeddedDurable
    const sums = await withEmbeddedDatabase({ dataDir: source.path, fsync }, (from) =>
      copyToServer(from, target, progress.onChunk),
    )
    progress.end()
    process.stdout.write(nextSteps(config, formatSize(sums)))
    return 0
  } catch (error) {
    throw translate(error)
  } finally {
    await target.end({ timeout: 5 })
    source.release()
  }
}

/** The address from the argument, a prompt, standard input or the environment, validated like DATABASE_URL. */
async function targetUrl(environment: Environment, urlArgument: string | undefined): Promise<string> {
  const { DATABASE_URL, DATABASE_URL_FILE } = environment
  const url = urlArgument === '-' ? await askForUrl() : urlArgument
  const variables = url === undefined ? { DATABASE_URL, DATABASE_URL_FILE } : { DATABASE_URL: url }
  // The command uses no key, but the configuration needs one.
  const { databaseUrl } = loadConfig({ ...variables, JWT_SECRET: randomText(32) })
  if (databaseUrl === null)
    throw new UsageError('name the database by an argument, by DATABASE_URL, or use - to be asked')
  return databaseUrl
}

const askForUrl = () => (isatty(0) ? withPrompt((ask) => ask('DATABASE_URL: ')) : firstLine('the address'))

function nextSteps({ dataDir, jwtSecrets }: Config, size: string): string {
  const key = resolve(dataDir, keyFile)
  const secret = jwtSecrets ? 'JWT_SECRET as before' : `JWT_SECRET_FILE=${key} (or a copy of it)`
  return [
    `copied ${size}; counts and checksums agree. Next:`,
    '1. set DATABASE_URL to the new database',
    `2. set ${secret}, so that everyone stays signed in`,
    `3. start fastkit; ${dataDir} is unchanged, and its database is no longer used`,
    '',
  ].join('\n')
}
