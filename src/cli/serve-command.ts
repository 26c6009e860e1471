import { isatty } from 'node:tty'
import { aborted } from '../core/abort-signal'
import { type Config, type Environment, loadConfig, secretsOpenToAll } from '../core/config'
import type { Deps } from '../deps'
import { formatError } from '../server/format-error'
import { reloadKeys } from '../server/reload-keys'
import type { Sighup } from '../server/sighup'
import { type RunningService, StartAborted, startService } from '../server/start-service'
import { onEndSignal } from '../server/stop-signals'
import { commit } from './version'

/**
 * Runs the service until a signal or a fault ends it: 0 after a clean end, 1 otherwise, also when it has not ended
 * within `SHUTDOWN_TIMEOUT`. Throws what stops it at start.
 */
export async function serve(environment: Environment, sighup: Sighup): Promise<number> {
  const startedAt = performance.now()
  const config = loadConfig(environment)
  const ending = new AbortController()
  onEndSignal(() => ending.abort())
  try {
    const service = await startService(config, { commit, startedAt, signal: ending.signal })
    warnOfRisks(service.deps, environment)
    sighup.each(() => reloadKeys(service.deps, environment))
    return await run(service, ending.signal)
  } catch (error) {
    if (error instanceof StartAborted) return 0
    throw error
  }
}

async function run({ deps, failed, stop }: RunningService, signal: AbortSignal): Promise<number> {
  const { log } = deps
  const fault = await Promise.race([aborted(signal).then(() => null), failed])
  if (fault) log.fatal({ reason: formatError(fault), err: fault }, 'service.failed')
  const stopped = stop({ delayMilliseconds: fault ? 0 : delayOf(deps) })
  return await Promise.race([stopped.then(() => (fault ? 1 : 0)), overdue(deps)])
}

/** Returns 1 when the time to end is up: what still runs ends with the process. */
async function overdue({ config, log }: Deps): Promise<number> {
  await Bun.sleep(config.shutdownTimeoutMilliseconds)
  log.error('service.stop_timed_out')
  return 1
}

/** No delay where nobody is to be told: at a terminal, and before the service was ever ready. */
function delayOf({ config, lifecycle }: Deps): number {
  if (!lifecycle.isMigrated || isatty(1)) return 0
  return Math.min(config.shutdownDelayMilliseconds, config.shutdownTimeoutMilliseconds / 2)
}

const owaspMinimum = { memoryKib: 19_456, time: 2 } satisfies Config['passwordCost']

/** Logs what an operator should know although the service can run. */
function warnOfRisks({ config, lifecycle, log }: Deps, environment: Environment) {
  const names = secretsOpenToAll(environment)
  if (names.length > 0) log.warn({ names }, 'config.secret_file_world_writable')
  if (lifecycle.durability === 'not_in_force') log.warn('database.commits_not_durable')
  const { memoryKib, time } = config.passwordCost
  if (memoryKib * time < owaspMinimum.memoryKib * owaspMinimum.time)
    log.warn('config.password_cost_below_owasp_minimum')
}
