import type { Runtime } from '../../deps'
import type { Readiness } from './schema'

type HealthParts = Pick<Runtime, 'database' | 'lifecycle'>

// A healthy event loop lags by a few milliseconds. Users notice a lag above this.
const maxLagMilliseconds = 200

/**
 * Whether load balancers should send requests to this instance. Durability and lag are reported but do not decide: an
 * embedded database has no other instance, and removing an overloaded instance overloads the others.
 */
export async function readiness({ database, lifecycle }: HealthParts): Promise<Readiness> {
  const lagMilliseconds = Math.round(lifecycle.lagMilliseconds)
  const checks = {
    database: (await database.ping()) ? 'ok' : 'unavailable',
    migrations: lifecycle.isMigrated ? 'ok' : 'pending',
    durability: lifecycle.durability,
    event_loop: lagMilliseconds > maxLagMilliseconds ? 'late' : 'ok',
    draining: lifecycle.isDraining ? 'draining' : 'ok',
  } as const
  const isReady = checks.database === 'ok' && checks.migrations === 'ok' && checks.draining === 'ok'
  return { status: isReady ? 'ok' : 'unavailable', checks, event_loop_lag_ms: lagMilliseconds }
}
