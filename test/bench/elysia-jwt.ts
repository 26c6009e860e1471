import { jwt } from '@elysiajs/jwt'
import { Elysia } from 'elysia'

// A peer of bench/me.ts: a token checked at every request as @elysiajs/jwt does it, given the kind of key it is fastest
// with. No session that could end, no limits, no headers, no log. Prints its address and a token.

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
