import type { Clock } from './core/clock'
import type { Config } from './core/config'
import type { Log } from './core/log'
import type { Passwords } from './core/password'
import type { Database } from './db/client'
import type { Db } from './db/rows'
import type { Keys } from './modules/sessions/keys'

/** What services are given: everything with a state or a cost, made once at start. */
export type Deps = {
  config: Config
  clock: Clock
  log: Log
  db: Db
  database: Database
  keys: Keys
  passwords: Passwords
}
