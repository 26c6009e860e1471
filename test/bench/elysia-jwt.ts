import { jwt } from '@elysiajs/jwt'
import { Elysia } from 'elysia'

// A peer of bench/me.ts: @elysiajs/jwt verifies a token at every request, with the kind of key that is fastest.
// It has no sessions, limits, security headers or log. Prints its address and a token.

const hmac = { name: 'HMAC', hash: 'SHA-256' }
const bytes = crypto.getRandomValues(new Uint8Array(32))
const secret = await crypto.subtle.importKey('raw', bytes, hmac, false, ['sign', 'verify'])
const answer: unknown = JSON.parse(Bun.argv[2] ?? '{}')
const app = new Elysia()
  .use(jwt({ name: 'jwt', secret, exp: '15m' }))
  .get('/', async ({ jwt, headers, status }) => {
    const claims = await jwt.verify(headers['authorization']?.slice('Bearer '.length))
    return claims ? answer : status(401)
  })
const { server } = app.listen({ hostname: '127.0.0.1', port: 0 })
console.log(`${server?.url} ${await app.decorator.jwt.sign({ sub: crypto.randomUUID() })}`)
