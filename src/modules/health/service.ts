import type { Runtime } from '../../deps'
import type { Readiness } from './schema'

type Probed = Pick<Runtime, 'database' | 'lifecycle'>

// A turn of a healthy loop takes some milliseconds; from here on people notice.
const maxLagMilliseconds = 200

/**
 * Whether this instance should be sent requests, and what speaks against it. Durability and lag are told, not decisive:
 * no other instance could mend the one, and an overload that moves on from instance to instance fells them all.
 */
export async function readiness({ database, lifecycle }: Probed): Promise<Readiness> {
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
