import { Elysia } from 'elysia'

// A peer of bench/me.ts: the smallest Elysia server that responds with the JSON of its argument.

const answer: unknown = JSON.parse(Bun.argv[2] ?? '{}')
const { server } = new Elysia().get('/', () => answer).listen({ hostname: '127.0.0.1', port: 0 })
console.log(String(server?.url))
