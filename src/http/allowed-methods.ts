import { type AnyElysia, Elysia } from 'elysia'
import { fail } from '../core/errors'

type Route = Pick<AnyElysia['routes'][number], 'method' | 'path'>

/**
 * The methods that a path takes, for 405 and `Allow`. It searches the list of routes, so it is only for requests that
 * fail. See docs/workarounds.md#elysia-method-404.
 */
export function allowedMethods(routes: Route[], path: string): string[] {
  const requested = withoutTrailingSlash(path)
  const exact = routes.filter((route) => route.path === requested)
  const found = exact.length > 0 ? exact : routes.filter((route) => matches(route.path, requested))
  const methods = new Set(found.map(({ method }) => method))
  // The router's name for a GET that asks to upgrade.
  methods.delete('WS')
  return [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}

/**
 * Gives a static path precedence over one with parameters for every method. Without it `DELETE /users/me/sessions` would
 * be about an account with the id `me`, and its refusal a false alarm in the audit log. Throws `method_not_allowed`.
 */
export function staticPathsFirst(routes: () => Route[]) {
  let paths: Set<string> | null = null
  return new Elysia({ name: 'static-paths-first' }).onTransform({ as: 'global' }, ({ path, route }) => {
    if (!route.includes(':')) return
    paths ??= new Set(routes().map((route) => route.path))
    if (paths.has(withoutTrailingSlash(path)))
      throw fail('method_not_allowed', { allow: allowedMethods(routes(), path) })
  })
}

/** The router serves a path with and without a slash at the end. */
export const withoutTrailingSlash = (path: string) => path.replace(/(?<=.)\/$/, '')

function matches(pattern: string, path: string): boolean {
  const segments = pattern.split('/')
  const requested = path.split('/')
  return (
    segments.length === requested.length &&
    segments.every(
      (segment, at) => segment === requested[at] || (segment.startsWith(':') && requested[at] !== ''),
    )
  )
}
