import type { SystemActor } from '../core/actor'

/** The actor of commands and of the service itself. It has no request and every permission. */
export const asSystem: SystemActor = {
  kind: 'system',
  origin: { ip: null, userAgent: null, requestId: null },
}
