import type { AnyElysia } from 'elysia'

/** The methods that a path takes, for 405 and OPTIONS. Only asked when no route matched. */
export const methodsOf = ({ routes }: AnyElysia, path: string): string[] => [
  ...new Set(routes.filter((route) => matches(route.path, path)).map(({ method }) => method)),
]

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split('/')
  const given = path.split('/')
  return (
    wanted.length === given.length &&
    wanted.every((part, at) => part === given[at] || (part.startsWith(':') && given[at] !== ''))
  )
}
