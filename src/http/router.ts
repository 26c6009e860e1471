import type { AnyElysia } from 'elysia'

/** The methods that a path takes, for 405 and `Allow`. Only asked when no route matched. */
export function methodsOf({ routes }: AnyElysia, path: string): string[] {
  const given = withoutSlash(path)
  const methods = new Set(routes.filter((route) => matches(route.path, given)).map(({ method }) => method))
  // The router's name for a GET that asks to upgrade.
  methods.delete('WS')
  return [...methods].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
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
