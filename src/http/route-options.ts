import type { AnyElysia } from 'elysia'
import type { RoutePolicy } from '../core/rate-limiter/policies'

export type Route = AnyElysia['routes'][number]

/** The options of a route that plugins read. The OpenAPI document shows them as extensions. */
export type RouteOptions = {
  /** A stricter limit beside that of all routes, or no limit at all. */
  limit: RoutePolicy | 'none' | null
  /** RFC 6749 decides the format of requests and errors. */
  isTokenEndpoint: boolean
  /** The roles that may call it; empty for every signed-in user. */
  roles: readonly string[]
}

const defaults: RouteOptions = { limit: null, isTokenEndpoint: false, roles: [] }

// See docs/workarounds.md#elysia-macro-options.
const key = Symbol('route options')

/** For a macro: sets options of the route that uses it. */
export const setRouteOptions = (options: Partial<RouteOptions>) => ({
  introspect(hooks: object) {
    Object.assign(hooks, { [key]: { ...optionsOf({ hooks }), ...options } })
  },
})

/** The options of a route. */
export function optionsOf({ hooks }: { hooks: object }): RouteOptions {
  // Only `setRouteOptions` has the key, so nothing else can be there.
  return Reflect.get(hooks, key) ?? defaults
}

export type RouteRegistry = ReturnType<typeof createRouteRegistry>

/** The options of all `routes`. They are read at the first request, when the application is complete. */
export function createRouteRegistry(routes: () => Route[]) {
  let byPattern: Map<string, Route[]> | null = null
  let unlimitedPaths: Set<string> | null = null
  const index = () => (byPattern ??= Map.groupBy(routes(), ({ path }) => path))
  const unlimited = () => (unlimitedPaths ??= new Set([...index()].filter(hasNoLimit).map(([path]) => path)))
  return {
    /** The options of the route with this method and pattern; the defaults where there is none. */
    find(method: string, pattern: string): RouteOptions {
      const route = index()
        .get(pattern)
        ?.find((route) => route.method === method)
      return route ? optionsOf(route) : defaults
    },
    /** Whether requests for this path count against no limit. */
    isUnlimited: (path: string) => unlimited().has(path),
  }
}

/** A path has a limit when one of its routes has. */
const hasNoLimit = ([, routes]: [string, Route[]]) =>
  routes.every((route) => optionsOf(route).limit === 'none')
