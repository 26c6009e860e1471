import type { ErrorCode } from './errors'
import type { PolicyName } from './rate-limiter/policies'
import type { SharedEvent } from './shared-events'

/** What other parts of the service must learn at once. */
export type BusEvent = SharedEvent | LocalEvent

/** What concerns this process alone. */
type LocalEvent =
  /** An address has used up a limit: told once a window. */
  | { type: 'limit.reached'; policy: PolicyName; ip: string | null; requestId: string }
  /** A security event is kept and committed. */
  | { type: 'audit.recorded'; event: string; reason: string | null }
  /** A refresh token was exchanged, or got the successor that it had got before. */
  | { type: 'session.refreshed'; isRepeated: boolean }
  /** A request is answered with an error, that of a limit if it names one. */
  | { type: 'request.failed'; code: ErrorCode; policy: PolicyName | null }
  /** Something may have changed unheard: the link to the others was down, or a commit was not answered. */
  | { type: 'notices.missed' }

export type EventBus = {
  /** Tells this process's events from those of other instances; `null` on the embedded database, where there are none. */
  readonly instanceId: string | null
  emit(notice: BusEvent): void
  on(listener: (notice: BusEvent) => void): void
}

/** Tells notices to every listener in this process, in the order they came. */
export function createEventBus(instanceId: string | null = null): EventBus {
  const listeners: ((notice: BusEvent) => void)[] = []
  return {
    instanceId,
    emit: (notice) => {
      for (const listener of listeners) listener(notice)
    },
    on: (listener) => {
      listeners.push(listener)
    },
  }
}
