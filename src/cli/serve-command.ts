import { isatty } from 'node:tty'
import { version } from '../../package.json'
import { aborted } from '../core/abort-signal'
import { type Config, type Environment, loadConfig, secretsOpenToAll } from '../core/config'
import type { Log } from '../core/log'
import { formatError } from '../server/format-error'
import { createObservability, type Observability } from '../server/observability'
import { reloadKeys } from '../server/reload-keys'
import type { Sighup } from '../server/sighup'
import { type Service, StartAborted, startService } from '../server/start-service'
import { onStopSignal } from '../server/stop-signals'
import { commit } from './version'

/**
 * Runs the service until a signal or a fault ends it. Returns 0 after a clean end, else 1, also when it did not end within
 * `SHUTDOWN_TIMEOUT`. Throws what prevents the start.
 */
export async function serve(environment: Environment, sighup: Sighup): Promise<number> {
  const startedAt = performance.now()
  const config = loadConfig(environment)
  const observability = await createObservability(config)
  const { log } = observability
  const stopRequest = new AbortController()
  onStopSignal(() => stopRequest.abort(null))
  log.info({ version, commit, database: config.databaseUrl ? 'postgres' : 'embedded' }, 'service.starting')
  const running = run({ config, observability, stopRequest, environment, sighup, startedAt })
  return await Promise.race([running, overdue(config, log, stopRequest.signal)])
}

type Start = {
  config: Config
  observability: Observability
  /** Its reason is `null` for a signal, else the fault. */
  stopRequest: AbortController
  environment: Environment
  sighup: Sighup
  startedAt: number
}

async function run({
  config,
  observability,
  stopRequest,
  environment,
  sighup,
  startedAt,
}: Start): Promise<number> {
  const { log } = observability
  const { signal } = stopRequest
  try {
    const service = await startService(config, { observability, startedAt, signal })
    warnOperator(service, environment)
    sighup.onSignal(() => reloadKeys(service.deps, environment))
    void service.failed.then((fault) => stopRequest.abort(fault))
    await aborted(signal)
    if (signal.reason) log.fatal({ reason: formatError(signal.reason), err: signal.reason }, 'service.failed')
    await service.stop({ delayMilliseconds: delayOf(service, signal) })
  } catch (error) {
    if (!(error instanceof StartAborted)) throw error
  }
  log.info('service.stopped')
  return signal.reason ? 1 : 0
}

/** Returns 1 when the time to stop is up: what still runs ends with the process. */
async function overdue({ shutdownTimeoutMilliseconds }: Config, log: Log, signal: AbortSignal) {
  await aborted(signal)
  await Bun.sleep(shutdownTimeoutMilliseconds)
  log.error('service.stop_timed_out')
  return 1
}

/** No delay where no load balancer watches: at a terminal, before the service was ever ready, after a fault. */
function delayOf({ deps: { config }, lifecycle }: Service, signal: AbortSignal): number {
  if (signal.reason || !lifecycle.isMigrated || isatty(1)) return 0
  return Math.min(config.shutdownDelayMilliseconds, config.shutdownTimeoutMilliseconds / 2)
}

const owaspMinimum = { memoryKib: 19_456, time: 2 } satisfies Config['passwordCost']

/** Warns of settings that an operator should know about although the service can run. */
function warnOperator({ deps, lifecycle }: Service, environment: Environment) {
  const { config, log } = deps
  const names = secretsOpenToAll(environment)
  if (names.length > 0) log.warn({ names }, 'config.secret_file_world_writable')
  if (lifecycle.durability === 'not_in_force') log.warn('database.commits_not_durable')
  const { memoryKib, time } = config.passwordCost
  if (memoryKib * time < owaspMinimum.memoryKib * owaspMinimum.time)
    log.warn('config.password_cost_below_owasp_minimum')
}
