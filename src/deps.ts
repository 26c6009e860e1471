import type { Clock } from './core/clock'
import type { Config } from './core/config'
import type { EventBus } from './core/event-bus'
import type { Log } from './core/log'
import type { Passwords } from './core/password'
import type { Limits } from './core/rate-limiter'
import type { Lifecycle } from './core/service-lifecycle'
import type { Hub } from './modules/realtime/sockets/hub'
import type { Keyring } from './modules/sessions/keyring'
import type { LivenessCache } from './modules/sessions/liveness'
import type { Database } from './postgres/database'
import type { Listener } from './postgres/listener'
import type { Db } from './postgres/rows'
import type { RunningTracing } from './telemetry/start-tracing'

/** What everything needs. */
export type Base = { config: Config; clock: Clock; log: Log }

/** What reads and writes data: a connection pool, or the one connection of a transaction. */
export type Data = {
  db: Db
  events: EventBus
  /** Runs `work` once what is being done is committed; see `withTransaction`. */
  afterCommit(work: () => void): void
}

/** What verbs are given, made once at start. Who acts is no part of it: an `Actor` is the second parameter. */
export type Deps = Base &
  Data & {
    keys: Keyring
    passwords: Passwords
    limits: Limits
    liveness: LivenessCache
  }

/** The parts of one process that no verb needs: routes, sockets, metrics and the shutdown are made over them. */
export type Runtime = {
  deps: Deps
  database: Database
  /** Hears of the changes that other instances make. */
  listener: Listener
  lifecycle: Lifecycle
  /** The open sockets of this process. */
  hub: Hub
  /** Follows requests; `null` when nobody collects traces. */
  tracing: RunningTracing | null
}
