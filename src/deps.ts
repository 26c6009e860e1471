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

export type Base = { config: Config; clock: Clock; log: Log }

/** Access to data, through the connection pool or the connection of a transaction. */
export type Data = {
  db: Db
  events: EventBus
  /** Runs `work` after the transaction commits, or at once without one. See `withTransaction`. */
  afterCommit(work: () => void): void
}

/** The dependencies of verbs, created once at start. The `Actor` is a parameter of its own. */
export type Deps = Base &
  Data & {
    keys: Keyring
    passwords: Passwords
    limits: Limits
    liveness: LivenessCache
  }

/** The parts of a process. Verbs get only `deps`; routes, sockets, metrics and the shutdown need the others. */
export type Runtime = {
  deps: Deps
  database: Database
  /** Receives the events of other instances. */
  listener: Listener
  lifecycle: Lifecycle
  /** The open sockets of this process. */
  hub: Hub
  /** `null` without a configured collector. */
  tracing: RunningTracing | null
}
