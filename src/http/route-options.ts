import type { AnyElysia } from 'elysia'
import type { RoutePolicy } from '../core/rate-limiter/policies'

export type Route = AnyElysia['routes'][number]

/** What a route declares beside its path, handler and schemas. The OpenAPI document shows it as extensions. */
export type RouteOptions = {
  /** A stricter limit beside that of all routes, or no limit at all. */
  limit: RoutePolicy | 'none' | null
  /** RFC 6749 decides the format of its requests and errors. */
  isTokenEndpoint: boolean
  /** Who may call it among those who are signed in; empty for all of them. */
  roles: readonly string[]
}

const defaults: RouteOptions = { limit: null, isTokenEndpoint: false, roles: [] }

// See docs/workarounds.md#elysia-macro-options.
const key = Symbol('route options')

/** For a macro: sets options of the route that uses it. */
export const setRouteOptions = (options: Partial<RouteOptions>) => ({
  introspect(hooks: object) {
    Object.assign(hooks, { [key]: { ...declared(hooks), ...options } })
  },
})

/** The options of a route. */
export const optionsOf = ({ hooks }: Pick<Route, 'hooks'>): RouteOptions => ({
  ...defaults,
  ...declared(hooks),
})

function declared(hooks: object): Partial<RouteOptions> | undefined {
  // Only `setRouteOptions` has the key, so nothing else can be there.
  return Reflect.get(hooks, key)
}

export type RouteRegistry = {
  /** The options of a route by its method and pattern; the defaults where there is none. */
  find(method: string, pattern: string): RouteOptions
  /** Whether requests for this path count against no limit. */
  isUnlimited(path: string): boolean
}

/** The options of all `routes`. They are read with the first request, when the application is complete. */
export function createRouteRegistry(routes: () => Route[]): RouteRegistry {
  let index: ReturnType<typeof indexOptions> | null = null
  const complete = () => (index ??= indexOptions(routes()))
  return {
    find: (method, pattern) => complete().byPattern.get(pattern)?.get(method) ?? defaults,
    isUnlimited: (path) => complete().unlimitedPaths.has(path),
  }
}

function indexOptions(routes: Route[]) {
  const byPattern = new Map<string, Map<string, RouteOptions>>()
  const unlimitedPaths = new Set<string>()
  for (const route of routes) {
    const options = optionsOf(route)
    const byMethod = byPattern.get(route.path) ?? new Map<string, RouteOptions>()
    byPattern.set(route.path, byMethod.set(route.method, options))
    if (options.limit === 'none') unlimitedPaths.add(route.path)
  }
  return { byPattern, unlimitedPaths }
}
