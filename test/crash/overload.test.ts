import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { times } from '../support/many-sockets'
import { createStage, percentile } from '../support/soak'

// Bun queues more than 256 parallel requests of fetch in the client.
const clients = 220
// OVERLOAD_SECONDS=30 bun test test/crash/overload.test.ts sets how long each load lasts.
const seconds = Number(process.env['OVERLOAD_SECONDS'] ?? 4)
const mebibyte = 1024 * 1024
setDefaultTimeout(60_000 + 3 * seconds * 1000)

let stage: Awaited<ReturnType<typeof createStage>>
beforeAll(async () => {
  stage = await createStage({ ARGON2_MEMORY_KIB: '19456', ARGON2_TIME: '2' })
})
afterAll(() => stage.end())

type Seen = { status: number; code: string | null; milliseconds: number }

/** Runs clients that send the next request after each response. */
async function load(
  clients: number,
  ask: (at: number) => Promise<{ status: number; body: { code?: string } | null }>,
) {
  const seen: Seen[] = []
  const end = performance.now() + seconds * 1000
  await times(clients, async (at) => {
    while (performance.now() < end) {
      const startedAt = performance.now()
      const { status, body } = await ask(at)
      seen.push({ status, code: body?.code ?? null, milliseconds: performance.now() - startedAt })
    }
  })
  return seen
}

const timesOf = (seen: Seen[]) => seen.map(({ milliseconds }) => milliseconds)
const line = (name: string, seen: Seen[]) =>
  `${name}: ${seen.length}, p50 ${percentile(timesOf(seen), 50).toFixed(0)} p99 ${percentile(timesOf(seen), 99).toFixed(0)} ms`

describe('overload', () => {
  test('by sign-ins: the excess is refused at once, the rest wait at most their queue time, reads go on, memory is bounded', async () => {
    const { call, enter, me } = stage
    const people = await times(20, () => enter())
    const { access_token } = await enter()
    const alone = await load(1, () => me(access_token))
    const before = stage.memory()
    let most = before
    const watch = setInterval(() => (most = Math.max(most, stage.memory())), 50)
    const [signIns, reads] = await Promise.all([
      load(clients, (at) => {
        const { email = '', password = '' } = people[at % people.length] ?? {}
        return call('POST /api/v1/auth/login', { body: { email, password } })
      }),
      load(1, () => me(access_token)),
    ])
    clearInterval(watch)
    const admitted = signIns.filter(({ status }) => status === 200)
    const refused = signIns.filter(({ status }) => status === 503)
    process.stderr.write(
      `${[line('admitted', admitted), line('refused', refused), line('reads alone', alone), line('reads meanwhile', reads)].join('\n')}\nmemory ${Math.round(before / mebibyte)} MiB, at most ${Math.round(most / mebibyte)} MiB\n`,
    )
    expect(admitted.length).toBeGreaterThan(0)
    expect(refused.length).toBeGreaterThan(0)
    expect(admitted.length + refused.length).toBe(signIns.length)
    // On a machine that is busy with hashing, the embedded database cannot serve all of them either.
    expect(refused.map(({ code }) => code)).toContain('overloaded')
    // The wait for a hash ends after 3 s, and that for a query before and after it after 5.5 s each.
    expect(Math.max(...timesOf(admitted))).toBeLessThan(14_000 + 10_000)
    expect(percentile(timesOf(refused), 50)).toBeLessThan(percentile(timesOf(admitted), 50))
    expect(new Set(reads.map(({ status }) => status))).toEqual(new Set([200]))
    expect(most - before).toBeLessThan(256 * mebibyte)
    expect((await call('GET /readyz')).status).toBe(200)
  })

  test('by bodies of 64 KiB: every request gets a response and memory is bounded', async () => {
    const { call, enter } = stage
    const { access_token: token } = await enter()
    const body = { data: 'x'.repeat(60_000) }
    const before = stage.memory()
    let most = before
    const watch = setInterval(() => (most = Math.max(most, stage.memory())), 50)
    const seen = await load(clients, () => call('POST /api/v1/channels/room:flood/messages', { token, body }))
    clearInterval(watch)
    process.stderr.write(
      `${line('messages', seen)}, memory ${Math.round(before / mebibyte)} MiB, at most ${Math.round(most / mebibyte)} MiB\n`,
    )
    expect(new Set(seen.map(({ status }) => status)).difference(new Set([201, 503]))).toEqual(new Set())
    expect(most - before).toBeLessThan(384 * mebibyte)
  })
})
