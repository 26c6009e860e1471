import type { Clock } from './core/clock'
import type { Config } from './core/config'
import type { Log } from './core/log'
import type { Passwords } from './core/password'
import type { Database } from './db/client'
import type { Db } from './db/rows'
import type { Keys } from './modules/sessions/keys'

/** What changes between start and end of the process; `/readyz` tells it. */
export type Lifecycle = {
  isMigrated: boolean
  isDraining: boolean
  /** Whether an acknowledged commit survives a power cut: a PostgreSQL server sees to that itself. */
  durability: 'ok' | 'off' | 'not_in_force'
}

/** What services are given: everything with a state or a cost, made once at start. */
export type Deps = {
  config: Config
  clock: Clock
  log: Log
  db: Db
  database: Database
  keys: Keys
  passwords: Passwords
  lifecycle: Lifecycle
}
