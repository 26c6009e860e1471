import { Elysia } from 'elysia'
import { fail } from '../core/errors'
import type { EventBus } from '../core/event-bus'
import { networkOf } from '../core/network'
import type { Limits } from '../core/rate-limiter'
import type { PolicyName } from '../core/rate-limiter/policies'
import { pathOf } from '../core/request-path'
import { rateLimitHeaders } from './rate-limit-headers'
import { addressOf, requestId } from './request-context'
import { type RouteOptions, type RouteRegistry, setRouteOptions } from './route-options'

/** Adds the route option `limit`. */
export const limitOption = () =>
  new Elysia({ name: 'limit-option' }).macro('limit', (limit: RouteOptions['limit']) =>
    setRouteOptions({ limit }),
  )

type Options = { limits: Limits; events: EventBus; routes: RouteRegistry }
type Settable = { headers: Record<string, string | number> }

/**
 * Counts requests by client address before their body is read. The default limit counts before routing. The limit of a
 * route counts after routing, so that no other spelling of the path evades it.
 */
export function rateLimits({ limits, events, routes }: Options) {
  if (!limits.isOn) return new Elysia({ name: 'rate-limits' })
  async function count(policy: PolicyName, request: Request, { headers }: Settable) {
    const ip = addressOf(request)
    const state = await limits.count(policy, ip === null ? 'nowhere' : networkOf(ip))
    if (!state) return
    Object.assign(headers, rateLimitHeaders(state))
    const { refusal } = state
    if (refusal?.isFirst) events.emit({ type: 'limit.reached', policy, ip, requestId: requestId(request) })
    if (refusal) throw fail('rate_limited', { refusal })
  }
  return new Elysia({ name: 'rate-limits' })
    .onRequest(async ({ request, set }) => {
      // By path alone: another method at the path of a probe is a 405, which costs as little.
      if (!routes.isUnlimited(pathOf(request.url))) await count('default', request, set)
    })
    .onParse({ as: 'global' }, async ({ request, route, set }) => {
      const { limit } = routes.find(request.method, route)
      if (limit !== null && limit !== 'none') await count(limit, request, set)
    })
}
