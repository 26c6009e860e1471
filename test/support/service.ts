import { afterAll, beforeAll } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Environment, loadConfig } from '../../src/core/config'
import { startService } from '../../src/server/start-service'
import { createClient } from './client'
import { createMovableClock, type MovableClock } from './clock'
import { createTestDatabase, nothing } from './database'
import { assertNothingLeaked, rowsOf } from './secret-leaks'

export type Service = Awaited<ReturnType<typeof startTestService>>

/** A running instance whose database and time another one shares. */
type Neighbour = { databaseUrl: string | null; clock: MovableClock }
type Options = { beside?: Neighbour }
export type LogLine = { event: string; level: number } & Record<string, unknown>

// As cheap as argon2id gets, and no limits: neither is what most tests are about.
const cheap = { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', EMBEDDED_FSYNC: 'off', RATE_LIMIT: 'off' }
export const testSecret = 'a-secret-for-tests-that-is-long-enough-0123456789'

/** A service for the tests of a file or of a `describe`; what it has is there once `beforeAll` has run. */
export function useService(variables: Environment = {}, options: Options = {}): Service {
  const running: Partial<Service> = {}
  let stop = nothing
  beforeAll(async () => {
    const service = await startTestService(variables, options)
    stop = service.stop
    Object.assign(running, service)
  })
  afterAll(() => stop())
  // Tests run after `beforeAll`, which has assigned every property or failed.
  return running as Service
}

/**
 * Starts the service over a database of its own: the embedded one, or a fresh one on TEST_DATABASE_URL. With `beside` it
 * is a second instance over the other's database.
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
    LOG_LEVEL: 'debug',
  })
  const lines: LogLine[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const clock = beside?.clock ?? createMovableClock()
  const { deps, url, metricsUrl, stop } = await startService(config, {
    clock,
    destination,
    awaitsReady: true,
  })
  const { sql } = deps.database
  const client = createClient(url)

  return {
    ...client,
    clock,
    deps,
    sql,
    lines,
    databaseUrl: testDatabase.url,
    metricsUrl,
    async stop() {
      try {
        const database = await rowsOf(sql).finally(() => stop({ hasClients: false }))
        assertNothingLeaked({ lines, database, secrets: client.secrets })
      } finally {
        await testDatabase.drop()
        rmSync(home, { recursive: true, force: true })
      }
    },
  }
}
