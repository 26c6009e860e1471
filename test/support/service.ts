import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../package.json'
import { createApp } from '../../src/app'
import { type Environment, loadConfig } from '../../src/core/config'
import { createLog } from '../../src/core/log'
import { startRealtime } from '../../src/modules/realtime/sockets'
import { migrate } from '../../src/postgres/migrate'
import { migrations } from '../../src/postgres/migrations'
import { createDeps } from '../../src/server/create-deps'
import { openStorage } from '../../src/server/storage'
import { listenersOf, startMetrics } from '../../src/telemetry/metrics-server'
import { startTracing } from '../../src/telemetry/start-tracing'
import { createClient } from './client'
import { createMovableClock, type MovableClock } from './clock'
import { createTestDatabase, nothing } from './database'
import { assertNothingLeaked } from './secret-leaks'

export type Service = Awaited<ReturnType<typeof startService>>

/** A running instance whose database and time another one shares. */
type Neighbour = { databaseUrl: string | null; clock: MovableClock }
export type LogLine = { event: string; level: number } & Record<string, unknown>

// As cheap as argon2id gets, and no limits: neither is what most tests are about.
const cheap = { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', EMBEDDED_FSYNC: 'off', RATE_LIMIT: 'off' }
export const testSecret = 'a-secret-for-tests-that-is-long-enough-0123456789'

/**
 * Starts the real service over a database of its own: the embedded one, or a fresh one on TEST_DATABASE_URL. With
 * `beside` it is a second instance over the other's database.
 */
export async function startService(variables: Environment = {}, { beside }: { beside?: Neighbour } = {}) {
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
  const tracing = await startTracing(config, version, () => log)
  const traceId = tracing?.traceId
  const log = createLog({ level: 'debug', format: 'json', destination, traceId })
  const storage = await openStorage(config, tracing?.step)
  const clock = beside?.clock ?? createMovableClock()
  const runtime = await createDeps({ config, log, ...storage, clock, isListening: true, tracing })
  const { database, listener, lifecycle } = runtime
  await migrate(database.sql, migrations)
  lifecycle.isMigrated = true
  const metrics = await startMetrics(runtime, version)
  const realtime = startRealtime(runtime)
  const onResponse = listenersOf(tracing, metrics)
  const { server } = createApp({ ...runtime, onResponse }).listen({ hostname: '127.0.0.1', port: 0 })
  if (!server) throw new Error('the service did not start')
  const client = createClient(`http://127.0.0.1:${server.port}`)

  const stop = async () => {
    await realtime.stop()
    await server.stop(true)
    await metrics?.stop()
    await tracing?.stop()
    try {
      await assertNothingLeaked({ sql: database.sql, lines, secrets: client.secrets })
    } finally {
      await listener.close()
      await storage.close()
      await testDatabase.drop()
      rmSync(home, { recursive: true, force: true })
    }
  }
  return {
    ...client,
    clock,
    ...runtime,
    onResponse,
    // Read at each use: the service may have replaced its connections.
    get sql() {
      return database.sql
    },
    lines,
    databaseUrl: testDatabase.url,
    server,
    /** Where `/metrics` is; `null` without METRICS_PORT. */
    metricsUrl: metrics?.url ?? null,
    tracing,
    stop,
  }
}
