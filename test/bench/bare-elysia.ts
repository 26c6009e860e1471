import { Elysia } from 'elysia'

// The peer of bench/me.ts: the least that Elysia can do to answer the JSON it is given as an argument.

const answer: unknown = JSON.parse(Bun.argv[2] ?? '{}')
const { server } = new Elysia().get('/', () => answer).listen({ hostname: '127.0.0.1', port: 0 })
console.log(String(server?.url))
