import { version } from '../../package.json'
import { type AppParts, createApp } from '../app'
import { aborted } from '../core/abort-signal'
import type { Clock } from '../core/clock'
import type { Config } from '../core/config'
import { watchLag } from '../core/event-loop-lag'
import type { OnResponse } from '../core/response-info'
import type { Runtime } from '../deps'
import { startRealtime } from '../modules/realtime/sockets'
import { listenersOf, startMetrics } from '../telemetry/metrics-server'
import { becomeReady } from './become-ready'
import { startCleanupJob } from './cleanup-job'
import { startControlServer } from './control-server'
import { createDeps } from './create-deps'
import { createObservability, type Observability } from './observability'
import { type Parts, shutDown } from './shutdown'
import { openStorage } from './storage'

export type Service = Runtime & {
  /** Called for every response: metrics and tracing, where they are configured. */
  onResponse: readonly OnResponse[]
  url: string
  /** The address of `/metrics`; `null` without METRICS_PORT. */
  metricsUrl: string | null
  /** Resolves once migrations are applied and the first admin exists. Never rejects; see `failed`. */
  ready: Promise<void>
  /** Resolves with the error when the service fails while it runs. */
  failed: Promise<unknown>
  /** Stops the service: see `shutDown`. Requests are served during the delay. */
  stop(options?: { delayMilliseconds: number }): Promise<void>
}

type Options = {
  observability?: Observability
  clock?: Clock
  /** The moment the process began to start, by `performance.now()`. */
  startedAt?: number
  /** Aborts a start that is still opening the database. */
  signal?: AbortSignal
}

/** The signal aborted the start. The process must end; its next start recovers an embedded database. */
export class StartAborted extends Error {
  override readonly name = 'StartAborted'
}

/**
 * Starts the service and resolves when it listens. It becomes ready later, when the database is available. Throws when a
 * port or DATA_DIR is in use, after stopping what it had started. Throws `StartAborted`.
 */
export async function startService(config: Config, options: Options = {}): Promise<Service> {
  const observability = options.observability ?? (await createObservability(config))
  const { log, tracing } = observability
  const opening = openStorage(config, tracing?.step)
  const storage = await (options.signal
    ? Promise.race([opening, aborted(options.signal).then(() => null)])
    : opening)
  if (!storage) throw new StartAborted()
  const parts: Parts = { storage, tracing }
  storage.onDiskLow((isLow) => log.warn(isLow ? 'database.disk_low' : 'database.disk_recovered'))
  try {
    return await startParts(config, parts, { ...options, observability })
  } catch (error) {
    await shutDown(parts, { delayMilliseconds: 0 })
    throw error
  }
}

/** Adds each part to `parts` when it is started, so that the caller can stop them after a failure. */
async function startParts(
  config: Config,
  parts: Parts,
  { observability: { log, tracing }, clock, startedAt = performance.now() }: Options & Observed,
): Promise<Service> {
  const { storage } = parts
  const runtime = await createDeps({ config, log, ...storage, clock, isListening: true, tracing })
  parts.runtime = runtime
  parts.lag = watchLag(runtime.lifecycle.observeLag)
  parts.metrics = await startMetrics(runtime, version)
  parts.realtime = startRealtime(runtime)
  const onResponse = listenersOf(tracing, parts.metrics)
  const { server, url } = listen({ ...runtime, onResponse })
  parts.server = server
  parts.control = config.databaseUrl ? null : startControlServer(runtime, storage)
  parts.jobs = startCleanupJob(runtime)

  const stopping = new AbortController()
  const readying = becomeReady(runtime, { url, startedAt, stop: stopping.signal })
  const never = Promise.withResolvers<never>().promise
  return {
    ...runtime,
    onResponse,
    url,
    metricsUrl: parts.metrics?.url ?? null,
    ready: readying.catch(() => never),
    failed: Promise.race([
      storage.failed,
      readying.then(
        () => never,
        (fault: unknown) => fault,
      ),
    ]),
    stop({ delayMilliseconds } = { delayMilliseconds: 0 }) {
      stopping.abort()
      return shutDown(parts, { delayMilliseconds })
    },
  }
}

type Observed = { observability: Observability }

/** Throws when the port is in use. */
function listen(parts: AppParts) {
  const { host, port } = parts.deps.config
  try {
    const { server } = createApp(parts).listen({ hostname: host, port })
    if (!server) throw new Error('no server')
    return { server, url: `http://${server.hostname}:${server.port}` }
  } catch (cause) {
    throw new Error(`cannot listen on ${host}:${port}; is the port taken?`, { cause })
  }
}
