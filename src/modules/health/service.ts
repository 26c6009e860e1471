import type { Deps } from '../../deps'
import type { Readiness } from './schema'

/** Whether this instance should be sent requests, and what speaks against it. Durability is told, not decisive. */
export async function readiness({ database, lifecycle }: Deps): Promise<Readiness> {
  const checks = {
    database: (await database.answers()) ? 'ok' : 'unavailable',
    migrations: lifecycle.isMigrated ? 'ok' : 'pending',
    durability: lifecycle.durability,
    draining: lifecycle.isDraining ? 'draining' : 'ok',
  } as const
  const isReady = checks.database === 'ok' && checks.migrations === 'ok' && checks.draining === 'ok'
  return { status: isReady ? 'ok' : 'unavailable', checks }
}
