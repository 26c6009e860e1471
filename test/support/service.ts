import { afterAll, beforeAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Environment, loadConfig } from '../../src/core/config'
import { createObservability } from '../../src/server/observability'
import { startService } from '../../src/server/start-service'
import { createClient } from './client'
import { createMovableClock, type MovableClock } from './clock'
import { createTestDatabase, nothing } from './database'
import { assertNothingIn, assertNothingLeaked } from './secret-leaks'

export type Service = Awaited<ReturnType<typeof startTestService>>

/** A running instance whose database and time another one shares. */
type Neighbour = { databaseUrl: string | null; clock: MovableClock }
type Options = { beside?: Neighbour }
export type LogLine = { event: string; level: number } & Record<string, unknown>

// As cheap as argon2id gets, and no limits: neither is what most tests are about.
const cheap = {
  ARGON2_MEMORY_KIB: '64',
  ARGON2_TIME: '1',
  EMBEDDED_FSYNC: 'off',
  RATE_LIMIT: 'off',
  LOG_LEVEL: 'debug',
}
export const testSecret = 'a-secret-for-tests-that-is-long-enough-0123456789'

/** A service for all tests of a file or a `describe`: started before them, stopped after them. */
export function useService(variables: Environment = {}, options: () => Options = () => ({})): Service {
  let service: Service | null = null
  beforeAll(async () => {
    service = await startTestService(variables, options())
  })
  afterAll(() => service?.stop())
  const get = (_: object, key: string | symbol) => {
    if (!service) throw new Error('the service runs from the first test on')
    return Reflect.get(service, key)
  }
  const ownKeys = () => Reflect.ownKeys(service ?? {})
  const getOwnPropertyDescriptor = (_: object, key: string | symbol) =>
    service ? { ...Reflect.getOwnPropertyDescriptor(service, key), configurable: true } : undefined
  // Every property is that of the service, once it runs.
  return new Proxy({}, { get, ownKeys, getOwnPropertyDescriptor }) as Service
}

/**
 * Starts the service as `fastkit serve` does, over a database of its own: the embedded one, or a fresh one on
 * TEST_DATABASE_URL. With `beside` it is a second instance on the database of another.
 */
export async function startTestService(variables: Environment = {}, { beside }: Options = {}) {
  const home = mkdtempSync(join(tmpdir(), 'fastkit-test-'))
  const testDatabase = beside ? { url: beside.databaseUrl, drop: nothing } : await createTestDatabase()
  const config = loadConfig({
    ...cheap,
    PORT: '0',
    DATA_DIR: join(home, 'data'),
    JWT_SECRET: testSecret,
    DATABASE_URL: testDatabase.url ?? undefined,
    ...variables,
  })
  const lines: LogLine[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const observability = await createObservability(config, destination)
  const clock = beside?.clock ?? createMovableClock()
  const service = await startService(config, { observability, clock })
  const fault = await Promise.race([service.ready, service.failed])
  if (fault) throw fault
  const client = createClient(service.url)

  const stop = async () => {
    try {
      // With the pool of the moment: a test may have made the service replace it.
      const { sql } = service.database
      await assertNothingLeaked({ sql, lines, secrets: client.secrets })
    } finally {
      await service.stop()
      await testDatabase.drop()
      rmSync(home, { recursive: true, force: true })
    }
    assertNothingIn('log', lines, client.secrets)
  }
  return {
    ...service,
    ...client,
    clock,
    get sql() {
      return service.database.sql
    },
    lines,
    databaseUrl: testDatabase.url,
    stop,
  }
}
