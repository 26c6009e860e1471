import type { SystemActor } from '../core/actor'

/** The command line and the service itself: no request stands behind them, and they may do everything. */
export const asSystem: SystemActor = {
  kind: 'system',
  origin: { ip: null, userAgent: null, requestId: null },
}
