import { type AnyElysia, Elysia } from 'elysia'
import { fail } from '../core/errors'

type Route = Pick<AnyElysia['routes'][number], 'method' | 'path'>

/** The methods that a path takes, for 405 and `Allow`. Only asked when none of them was meant. */
export function methodsOf(routes: Route[], path: string): string[] {
  const given = withoutSlash(path)
  const named = routes.filter((route) => route.path === given)
  const found = named.length > 0 ? named : routes.filter((route) => matches(route.path, given))
  const methods = new Set(found.map(({ method }) => method))
  // The router's name for a GET that asks to upgrade.
  methods.delete('WS')
  return [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}

/**
 * Keeps the name of a path from being taken for an id where another path has one: `DELETE /users/me/sessions` would be
 * about someone called me, and its refusal a false alarm in the audit log. Throws `method_not_allowed`.
 */
export function names(routes: () => Route[]) {
  let known: Set<string> | null = null
  return new Elysia({ name: 'names' }).onTransform({ as: 'global' }, ({ path, route }) => {
    if (!route.includes(':')) return
    known ??= new Set(routes().map((route) => route.path))
    if (known.has(withoutSlash(path))) throw fail('method_not_allowed', { allow: methodsOf(routes(), path) })
  })
}

/** A slash at the end does not make another address: the router does not care for it either. */
export const withoutSlash = (path: string) => path.replace(/(?<=.)\/$/, '')

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => part === given[at] || (part.startsWith(':') && given[at] !== ''))
  )
}
