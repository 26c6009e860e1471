import { version } from '../../package.json'
import { createApp } from '../app'
import { aborted } from '../core/abort-signal'
import type { Clock } from '../core/clock'
import type { Config } from '../core/config'
import { watchLag } from '../core/event-loop-lag'
import { createLog, type Destination, type Log } from '../core/log'
import type { Deps } from '../deps'
import { startRealtime } from '../modules/realtime/sockets'
import { startMetrics } from '../telemetry/metrics-server'
import { startTracing } from '../telemetry/start-tracing'
import { becomeReady } from './become-ready'
import { startCleanupJob } from './cleanup-job'
import { startControlServer } from './control-server'
import { createDeps } from './create-deps'
import { type Parts, type Shutdown, shutDown } from './shutdown'
import { openStorage, type Storage } from './storage'

export type RunningService = {
  deps: Deps
  url: string
  /** The address of `/metrics`; `null` without METRICS_PORT. */
  metricsUrl: string | null
  /** Resolves with the error that keeps the service from working: it should be stopped then. */
  failed: Promise<unknown>
  stop(shutdown?: Shutdown): Promise<void>
}

type StartOptions = {
  /** The commit of the executable, for the log. */
  commit?: string | null
  /** When the process started, by `performance.now()`. */
  startedAt?: number
  /** Ends a start that still waits for the storage, and migrations under way. */
  signal?: AbortSignal
  clock?: Clock
  /** Takes lines of JSON in place of standard output. */
  destination?: Destination
  /** Whether to resolve only once migrations are applied, and to throw when they are refused. Default: false. */
  awaitsReady?: boolean
}

/** The start was ended by its signal. */
export class StartAborted extends Error {}

/**
 * Starts every part of the service; a start that fails ends those it has started. The database may come later: until
 * then, and until migrations are applied, `/readyz` fails. Throws DataDirInUse, StartAborted, MigrationRefused and a plain
 * Error when a port is taken.
 */
export async function startService(config: Config, options: StartOptions = {}): Promise<RunningService> {
  const parts: Parts = {}
  try {
    return await start(parts, config, options)
  } catch (error) {
    await shutDown(parts, { hasClients: false })
    throw error
  }
}

async function start(parts: Parts, config: Config, options: StartOptions): Promise<RunningService> {
  const { startedAt = performance.now(), signal } = options
  const log = await startLog(parts, config, options)
  const storage = await openStorageUnless(signal, parts, config)
  if (!storage) {
    log.info('service.stopped')
    throw new StartAborted()
  }
  const { deps, url } = await startParts(parts, { config, log, storage, clock: options.clock })
  const ending = new AbortController()
  const stop = signal ? AbortSignal.any([signal, ending.signal]) : ending.signal
  const failed = Promise.withResolvers<unknown>()
  void storage.failed.then(failed.resolve)
  const ready = becomeReady(deps, { url, startedAt, stop })
  if (options.awaitsReady) await ready
  else ready.catch(failed.resolve)
  return {
    deps,
    url,
    metricsUrl: parts.metrics?.url ?? null,
    failed: failed.promise,
    async stop(shutdown = {}) {
      ending.abort()
      log.info({ delayMs: shutdown.delayMilliseconds ?? 0 }, 'service.stopping')
      await shutDown(parts, shutdown)
      log.info('service.stopped')
    },
  }
}

/** Lines of the log carry the trace that they belong to, so tracing comes first. */
async function startLog(parts: Parts, config: Config, { destination, commit = null }: StartOptions) {
  const tracing = await startTracing(config, version, () => log)
  parts.tracing = tracing
  const log = createLog({
    level: config.logLevel,
    format: config.logFormat,
    traceId: tracing?.traceId,
    ...(destination && { destination }),
  })
  log.info({ version, commit, database: config.databaseUrl ? 'postgres' : 'embedded' }, 'service.starting')
  return log
}

/** Left half open, the embedded database is as after a crash: the process ends, and the next start repairs it. */
async function openStorageUnless(signal: AbortSignal | undefined, parts: Parts, config: Config) {
  const opening = openStorage(config, parts.tracing?.step)
  const storage = await (signal ? Promise.race([opening, aborted(signal).then(() => null)]) : opening)
  if (storage) parts.storage = storage
  return storage
}

type Given = { config: Config; log: Log; storage: Storage; clock: Clock | undefined }

async function startParts(parts: Parts, { config, log, storage, clock }: Given) {
  storage.onDiskLow((isLow) => log.warn(isLow ? 'database.disk_low' : 'database.disk_recovered'))
  const tracing = parts.tracing ?? null
  const deps = await createDeps({
    config,
    log,
    ...storage,
    isListening: true,
    tracing,
    ...(clock && { clock }),
  })
  parts.deps = deps
  parts.lag = watchLag(deps.lifecycle.observeLag)
  parts.metrics = await startMetrics(deps, version)
  parts.realtime = startRealtime(deps)
  const server = listen(deps)
  parts.server = server
  parts.control = config.databaseUrl ? null : startControlServer(deps, storage)
  parts.cleanup = startCleanupJob(deps)
  return { deps, url: `http://${server.hostname}:${server.port}` }
}

/** Throws when the port is taken: two services must not silently share it. */
function listen(deps: Deps) {
  const { host, port } = deps.config
  try {
    const { server } = createApp(deps).listen({ hostname: host, port })
    if (!server) throw new Error('no server')
    return server
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}; is the port taken?`, { cause })
  }
}
