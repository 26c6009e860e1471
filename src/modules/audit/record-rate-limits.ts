import type { AnonymousActor } from '../../core/actor'
import type { Deps } from '../../deps'
import { record } from './service'

/** Records that an address has exhausted its sign-in limit. The limiter itself is in `http`, which imports no module. */
export function recordReachedLimits(deps: Deps) {
  deps.events.on((event) => {
    if (event.type !== 'limit.reached' || event.policy !== 'login') return
    const { ip, requestId } = event
    const actor: AnonymousActor = { kind: 'anonymous', origin: { ip, requestId, userAgent: null } }
    record(deps, actor, { type: 'sign_in.limited', details: { limit: 'login' } }).catch((error) =>
      deps.log.warn({ err: error, ip, requestId }, 'audit.record_failed'),
    )
  })
}
