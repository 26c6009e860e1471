import { createApp } from '../app'
import { type Environment, loadConfig } from '../core/config'
import { randomText } from '../core/crypto'
import { createLog } from '../core/log'
import { openDatabase } from '../postgres/database'
import { createDeps } from '../server/create-deps'
import { print } from './print'

/** Prints the OpenAPI document. No connection is made: the pool connects with its first query, and there is none. */
export async function printDocument(environment: Environment): Promise<number> {
  const config = loadConfig({
    ...environment,
    DOCS: 'on',
    JWT_SECRET: randomText(32),
    JWT_SECRET_FILE: undefined,
  })
  const log = createLog({ level: 'silent', format: 'json' })
  const database = openDatabase({ socketPath: '', statementTimeoutMilliseconds: 1 })
  const runtime = await createDeps({
    config,
    log,
    database,
    jwtSecrets: [randomText(32)],
    durability: 'ok',
    isListening: false,
  })
  const app = createApp({ ...runtime, onResponse: [] })
  const answer = await app.handle(new Request('http://localhost/docs/openapi.json'))
  await print(`${await answer.text()}\n`)
  return 0
}
