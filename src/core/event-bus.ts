import type { ErrorCode } from './errors'
import type { PolicyName } from './rate-limiter/policies'
import type { SharedEvent } from './shared-events'

/** An event that other parts of the service must learn at once. */
export type BusEvent = SharedEvent | LocalEvent

/** Events that concern this process alone. */
type LocalEvent =
  /** An address has exhausted a rate limit. Emitted once a window. */
  | { type: 'limit.reached'; policy: PolicyName; ip: string | null; requestId: string }
  /** An audit event is committed. */
  | { type: 'audit.recorded'; event: string; reason: string | null }
  /** A refresh token was exchanged, or repeated and given the same successor. */
  | { type: 'session.refreshed'; isRepeated: boolean }
  /** A request failed. `policy` names the rate limit, if one was exceeded. */
  | { type: 'request.failed'; code: ErrorCode; policy: PolicyName | null }
  /** Events of other instances may be lost: the listener was down, or a COMMIT is in doubt. */
  | { type: 'events.missed' }

export type EventBus = {
  /** Tells this process's events from those of other instances; `null` on the embedded database, where there are none. */
  readonly instanceId: string | null
  emit(event: BusEvent): void
  on(listener: (event: BusEvent) => void): void
}

/** Delivers events to every listener in this process, in order. */
export function createEventBus(instanceId: string | null = null): EventBus {
  const listeners: ((event: BusEvent) => void)[] = []
  return {
    instanceId,
    emit: (event) => {
      for (const listener of listeners) listener(event)
    },
    on: (listener) => {
      listeners.push(listener)
    },
  }
}
