import type { AnonymousActor } from '../../core/actor'
import type { Deps } from '../../deps'
import { record } from './service'

/** Keeps that an address has used up its sign-ins: the limit itself stands before every module and knows none. */
export function recordReachedLimits(deps: Deps) {
  deps.events.on((notice) => {
    if (notice.type !== 'limit.reached' || notice.policy !== 'login') return
    const { ip, requestId } = notice
    const actor: AnonymousActor = { kind: 'anonymous', origin: { ip, requestId, userAgent: null } }
    record(deps, actor, { type: 'sign_in.limited', details: { limit: 'login' } }).catch((error) =>
      deps.log.warn({ err: error, ip, requestId }, 'audit.record_failed'),
    )
  })
}
