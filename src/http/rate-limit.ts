import { Elysia } from 'elysia'
import { fail } from '../core/errors'
import type { EventBus } from '../core/event-bus'
import { networkOf } from '../core/network'
import type { Limits } from '../core/rate-limiter'
import { isRoutePolicy, type PolicyName, type RoutePolicy } from '../core/rate-limiter/policies'
import { pathOf } from '../core/request-path'
import { limitHeaders } from './rate-limit-headers'
import { addressOf, requestId } from './request-context'
import type { RouteIndex } from './route-index'

/** What a route asks for instead of the limit of all routes: a stricter one beside it, or none. */
type Limit = RoutePolicy | 'none'

/** Adds the route option `limit`. */
export const limitOption = () =>
  new Elysia({ name: 'limit-option' }).macro('limit', (limit: Limit) => ({
    detail: { [extension]: limit },
  }))

// Also tells readers of the document.
const extension = 'x-rate-limit'

/** What a route's `limit` says. */
export function limitOf(detail: object | undefined): Limit | null {
  const given: unknown = detail && Reflect.get(detail, extension)
  return given === 'none' || isRoutePolicy(given) ? given : null
}

type Options = { limits: Limits; bus: EventBus; routeOf: RouteIndex }
type Settable = { headers: Record<string, string | number> }

/**
 * Counts requests by address before anything of them is read. All of them before routing; those of a route with a limit
 * of its own once the router has named the route, so that no spelling of its path leads around it.
 */
export function rateLimits({ limits, bus, routeOf }: Options) {
  if (!limits.isOn) return new Elysia({ name: 'rate-limits' })
  async function count(policy: PolicyName, request: Request, { headers }: Settable) {
    const ip = addressOf(request)
    const standing = await limits.count(policy, ip === null ? 'nowhere' : networkOf(ip))
    if (!standing) return
    Object.assign(headers, limitHeaders(standing))
    const { refusal } = standing
    if (refusal?.isFirst) bus.emit({ type: 'limit.reached', policy, ip, requestId: requestId(request) })
    if (refusal) throw fail('rate_limited', { refusal })
  }
  const limitAt = (method: string, pattern: string) => limitOf(routeOf(method, pattern)?.hooks.detail)

  return new Elysia({ name: 'rate-limits' })
    .onRequest(async ({ request, set }) => {
      // By path alone: what else is sent to the place of a probe meets 405 and costs as little.
      if (limitAt('GET', pathOf(request.url)) !== 'none') await count('default', request, set)
    })
    .onParse({ as: 'global' }, async ({ request, route, set }) => {
      const limit = limitAt(request.method, route)
      if (limit !== null && limit !== 'none') await count(limit, request, set)
    })
}
