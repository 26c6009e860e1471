import { isatty } from 'node:tty'
import { version } from '../../package.json'
import { type AppParts, createApp } from '../app'
import { aborted } from '../core/abort-signal'
import { type Config, type Environment, loadConfig, secretsOpenToAll } from '../core/config'
import { watchLag } from '../core/event-loop-lag'
import { createLog, type Log } from '../core/log'
import type { Runtime } from '../deps'
import { startRealtime } from '../modules/realtime/sockets'
import { becomeReady } from '../server/become-ready'
import { startCleanupJob } from '../server/cleanup-job'
import { startControlServer } from '../server/control-server'
import { createDeps } from '../server/create-deps'
import { formatError } from '../server/format-error'
import { reloadKeys } from '../server/reload-keys'
import { shutDown } from '../server/shutdown'
import type { Sighup } from '../server/sighup'
import { onEndSignal } from '../server/stop-signals'
import { openStorage } from '../server/storage'
import { listenersOf, startMetrics } from '../telemetry/metrics-server'
import { type RunningTracing, startTracing } from '../telemetry/start-tracing'
import { commit } from './version'

/**
 * Runs the service until a signal or a fault ends it: 0 after a clean end, 1 otherwise, also when it has not ended
 * within `SHUTDOWN_TIMEOUT`. Throws what stops it at start.
 */
export async function serve(environment: Environment, sighup: Sighup): Promise<number> {
  const startedAt = performance.now()
  const config = loadConfig(environment)
  const tracing = await startTracing(config, version, () => log)
  const log = createLog({ level: config.logLevel, format: config.logFormat, traceId: tracing?.traceId })
  const ending = new AbortController()
  onEndSignal(() => ending.abort(null))
  log.info({ version, commit, database: config.databaseUrl ? 'postgres' : 'embedded' }, 'service.starting')
  const running = run({ config, log, tracing, ending, environment, sighup, startedAt })
  return await Promise.race([running, overdue(config, log, ending.signal)])
}

type Start = {
  config: Config
  log: Log
  tracing: RunningTracing | null
  /** Its reason is `null` for a signal, else the fault. */
  ending: AbortController
  environment: Environment
  sighup: Sighup
  startedAt: number
}

async function run({ config, log, tracing, ending, environment, sighup, startedAt }: Start): Promise<number> {
  const stop = ending.signal
  // Left half open, the embedded database is as after a crash: the process ends, and the next start repairs it.
  const storage = await Promise.race([openStorage(config, tracing?.step), aborted(stop).then(() => null)])
  if (!storage) return stopped(log)
  storage.onDiskLow((isLow) => log.warn(isLow ? 'database.disk_low' : 'database.disk_recovered'))
  try {
    const runtime = await createDeps({ config, log, ...storage, isListening: true, tracing })
    const lag = watchLag((milliseconds) => (runtime.lifecycle.lagMilliseconds = milliseconds))
    const metrics = await startMetrics(runtime, version)
    const realtime = startRealtime(runtime)
    const server = listen({ ...runtime, onResponse: listenersOf(tracing, metrics) })
    tellDoubts(runtime, environment)
    sighup.each(() => reloadKeys(runtime.deps, environment))
    const control = config.databaseUrl ? null : startControlServer(runtime, storage)
    const jobs = startCleanupJob(runtime)
    becomeReady(runtime, { url: `http://${server.hostname}:${server.port}`, startedAt, stop }).catch(
      (fault) => ending.abort(fault),
    )
    void storage.failed.then((fault) => ending.abort(fault))
    await aborted(stop)
    if (stop.reason) log.fatal({ reason: formatError(stop.reason), err: stop.reason }, 'service.failed')
    await shutDown(runtime, { server, realtime, control, jobs, delayMilliseconds: delayOf(runtime, stop) })
    lag.stop()
    await metrics?.stop()
  } finally {
    await tracing?.stop()
    await storage.close()
  }
  return stopped(log, stop.reason ? 1 : 0)
}

function stopped(log: Log, exitCode = 0): number {
  log.info('service.stopped')
  return exitCode
}

/** Answers 1 when the time to end is up: what still runs ends with the process. */
async function overdue({ shutdownTimeoutMilliseconds }: Config, log: Log, stop: AbortSignal) {
  await aborted(stop)
  await Bun.sleep(shutdownTimeoutMilliseconds)
  log.error('service.stop_timed_out')
  return 1
}

/** No delay where nobody is to be told: at a terminal, before the service was ever ready, after a fault. */
function delayOf({ deps: { config }, lifecycle }: Runtime, stop: AbortSignal): number {
  if (stop.reason || !lifecycle.isMigrated || isatty(1)) return 0
  return Math.min(config.shutdownDelayMilliseconds, config.shutdownTimeoutMilliseconds / 2)
}

type Server = {
  hostname: string | undefined
  port: number | undefined
  stop(closeActive?: boolean): Promise<void>
}

/** Throws when the port is taken: two services must not silently share it. */
function listen(parts: AppParts): Server {
  const { host, port } = parts.deps.config
  try {
    const { server } = createApp(parts).listen({ hostname: host, port })
    if (!server) throw new Error('no server')
    return server
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}; is the port taken?`, { cause })
  }
}

const owaspMinimum = { memoryKib: 19_456, time: 2 } satisfies Config['passwordCost']

/** What an operator should know although the service can run. */
function tellDoubts({ deps, lifecycle }: Runtime, environment: Environment) {
  const { config, log } = deps
  const names = secretsOpenToAll(environment)
  if (names.length > 0) log.warn({ names }, 'config.secret_file_world_writable')
  if (lifecycle.durability === 'not_in_force') log.warn('database.commits_not_durable')
  const { memoryKib, time } = config.passwordCost
  if (memoryKib * time < owaspMinimum.memoryKib * owaspMinimum.time)
    log.warn('config.password_cost_below_owasp_minimum')
}
