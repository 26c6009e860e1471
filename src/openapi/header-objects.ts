import type { Components } from './components'
import type { Schema } from './json-schema'

/** References to these headers and to `X-Request-Id`, which every response has. */
export const headersOf = (names: HeaderName[], { add }: Components) =>
  Object.fromEntries(
    ['X-Request-Id' as const, ...names].map((name) => [name, add('headers', name, headers[name])]),
  )

/** The headers of failures, by status. */
export const failureHeaders: Record<number, HeaderName[]> = {
  401: ['WWW-Authenticate'],
  426: ['Upgrade'],
  429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
  503: ['Retry-After'],
}

const headers = {
  'X-Request-Id': header('Finds this request in the log.', '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'),
  Location: header('The address of what was made.', '/api/v1/users/0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'),
  'WWW-Authenticate': header('How to sign in (RFC 6750 §3).', 'Bearer error="invalid_token"'),
  Upgrade: header('What to speak here.', 'websocket'),
  'Retry-After': header('Seconds to wait before the next attempt.', 2),
  RateLimit: header('What is left of the limit.', '"login";r=0;t=30'),
  'RateLimit-Policy': header('The limit.', '"login";q=10;w=60'),
}
type HeaderName = keyof typeof headers

function header(description: string, example: string | number): Schema {
  return { description, schema: { type: typeof example === 'number' ? 'integer' : 'string' }, example }
}
