import { cors as elysiaCors } from '@elysiajs/cors'
import { Elysia } from 'elysia'

const maxAgeSeconds = 600

/** Allows cross-origin requests from exactly these origins. Without any, no CORS header is ever sent. */
export function cors(origins: string[]) {
  if (origins.length === 0) return new Elysia({ name: 'cors' })
  const allowed = new Set(origins)
  const headers = elysiaCors({
    // See docs/workarounds.md#cors-origin-scheme.
    origin: (request) => allowed.has(request.headers.get('origin') ?? ''),
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'X-Request-Id'],
    exposeHeaders: [
      'X-Request-Id',
      'Location',
      'Retry-After',
      'WWW-Authenticate',
      'RateLimit',
      'RateLimit-Policy',
    ],
    credentials: false,
    // See docs/workarounds.md#cors-preflight.
    preflight: false,
  })
  return new Elysia({ name: 'cors' }).use(headers).options('/*', ({ set }) => preflight(set))
}

type Settable = { headers: Record<string, string | number> }

function preflight(set: Settable) {
  set.headers['access-control-max-age'] = maxAgeSeconds
  return new Response(null, { status: 204 })
}
