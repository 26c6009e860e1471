import type { Clock } from './core/clock'
import type { Config } from './core/config'
import type { EventBus } from './core/event-bus'
import type { Lifecycle } from './core/lifecycle'
import type { Log } from './core/log'
import type { Passwords } from './core/password'
import type { Limits } from './core/rate-limiter'
import type { OnResponse } from './core/response-info'
import type { Tracing } from './core/tracing'
import type { Hub } from './modules/realtime/sockets/hub'
import type { Keyring } from './modules/sessions/keyring'
import type { LivenessCache } from './modules/sessions/liveness'
import type { Database } from './postgres/database'
import type { Listener } from './postgres/listener'
import type { Db } from './postgres/rows'

/** On whose behalf something is done: a request, or the service itself, of which nothing is known. */
export type Caller = {
  userId: string | null
  ip: string | null
  userAgent: string | null
  requestId: string | null
}

/** What services are given: everything with a state or a cost, made once at start. */
export type Deps = {
  config: Config
  clock: Clock
  log: Log
  db: Db
  database: Database
  keys: Keyring
  passwords: Passwords
  limits: Limits
  lifecycle: Lifecycle
  liveness: LivenessCache
  bus: EventBus
  listener: Listener
  /** The open sockets of this process. */
  hub: Hub
  /** Names this process to the others; `null` on the embedded database, where there are none. */
  instanceId: string | null
  /** Whom to tell of every answer to a request. */
  onResponse: OnResponse[]
  /** Follows requests; `null` when nobody collects traces. */
  tracing: Tracing | null
  /** Runs `work` once what is being done is committed; see `withTransaction`. */
  afterCommit(work: () => void): void
}

/**
 * What verbs are given that change accounts or sessions, or put something on record. `Deps` has no caller to fall back
 * on: a route without `onBehalf` would act as the command line does, which needs no rights.
 */
export type Acting = Deps & { caller: Caller }
