import type { AnyElysia } from 'elysia'

type Route = AnyElysia['routes'][number]
export type RouteIndex = (method: string, pattern: string) => Route | undefined

/** Finds a route by its method and pattern. Asked first when the service is whole, and the list is made but once. */
export function indexRoutes(routes: () => Route[]): RouteIndex {
  let byName: Map<string, Route> | null = null
  const make = () => new Map(routes().map((route) => [`${route.method} ${route.path}`, route]))
  return (method, pattern) => {
    byName ??= make()
    return byName.get(`${method} ${pattern}`)
  }
}
