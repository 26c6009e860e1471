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

/** Copies the embedded database to a PostgreSQL server, in one transaction there, and says what to do next. */
export async function migrateTo(environment: Environment, { url: given }: MigrateToOptions): Promise<number> {
  const config = loadConfig({ ...environment, DATABASE_URL: undefined, DATABASE_URL_FILE: undefined })
  const url = await targetUrl(environment, given)
  if (!hasDatabase(resolve(config.dataDir)))
    throw new Error(`there is no embedded database in DATA_DIR ${config.dataDir}`)
  // Changes that a service made after the copy began would be lost.
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

const askForUrl = () => (isatty(0) ? withPrompt((ask) => ask('DATABASE_URL: ')) : firstLine('the address'))

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
