import { systemClock } from '../core/clock'
import type { Config } from '../core/config'
import type { Log } from '../core/log'
import { createPasswords } from '../core/password'
import type { Database } from '../db/client'
import type { Deps, Lifecycle } from '../deps'
import { deriveKeys } from '../modules/sessions/keys'

type Parts = {
  config: Config
  log: Log
  database: Database
  jwtSecrets: string[]
  durability: Lifecycle['durability']
}

/** Makes what the services are given. Nothing is connected or started yet. */
export async function assemble({ config, log, database, jwtSecrets, durability }: Parts): Promise<Deps> {
  const keys = await deriveKeys({
    secrets: jwtSecrets,
    issuer: config.jwtIssuer,
    audience: config.jwtAudience,
  })
  return {
    config,
    log,
    clock: systemClock,
    database,
    db: database.db,
    keys,
    passwords: createPasswords(config.passwordCost),
    lifecycle: { isMigrated: false, isDraining: false, durability },
  }
}
