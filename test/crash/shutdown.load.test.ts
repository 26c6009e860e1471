import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createClient } from '../support/client'
import { times } from '../support/many-sockets'
import { signedInSocket } from '../support/socket'
import { createPlace } from '../support/tmpfs'
import { startVisitors } from '../support/visitors'

// SHUTDOWN_ROUNDS=20 bun test test/crash/shutdown.load.test.ts repeats it.
const rounds = Number(process.env['SHUTDOWN_ROUNDS'] ?? 1)
const perSecond = 500
const visitors = 50
const users = 10
const socketsPerUser = 20
const seconds = 3

let place: Awaited<ReturnType<typeof createPlace>>
beforeAll(async () => {
  place = await createPlace()
})
afterAll(() => place.clear())

test(
  `SIGTERM under ${perSecond} requests a second and ${users * socketsPerUser} sockets loses no request and resets no connection`,
  async () => {
    for (let round = 0; round < rounds; round++) await oneRound()
  },
  60_000 + rounds * 30_000,
)

async function oneRound() {
  const service = await place.serve({ SHUTDOWN_DELAY: '1500ms' })
  const { enter } = createClient(service.url)
  const people = await times(users, enter)
  const tokens = people.map(({ access_token }) => access_token)
  const sockets = await openAll(service.url, tokens)
  const visiting = startVisitors({
    url: service.url,
    visitors,
    perSecond,
    request: (n) => requestOf(n, tokens[n % users] ?? ''),
  })
  await Bun.sleep(seconds * 1000)
  const endedAt = performance.now()
  expect(await service.end('SIGTERM')).toBe(0)
  const took = performance.now() - endedAt

  const { visits, problems, refused } = await visiting
  const ends = await Promise.all(sockets.map((socket) => socket.closed()))
  expect({ problems, refused }).toEqual({ problems: [], refused: visitors })
  const odd = visits.filter(({ status, code }) => status > 201 && code !== 'shutting_down')
  expect(odd).toEqual([])
  // The signal needs a moment to arrive.
  const late = visits.filter(({ sentAt }) => sentAt > endedAt + 500)
  expect(late.length).toBeGreaterThan(0)
  expect(late.filter(({ isLast }) => !isLast)).toEqual([])
  expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([1001]))
  expect(new Set(ends.map(({ reason }) => reason)).size).toBeGreaterThan(sockets.length / 2)
  expect(took).toBeLessThan(15_000)
  const answered = visits.filter(({ sentAt }) => sentAt < endedAt).length
  process.stdout.write(
    `${Math.round(answered / seconds)} requests a second, ${visits.length} in all, every one answered, ` +
      `${visits.filter(({ status }) => status === 503).length} of them with 503; ended in ${Math.round(took)} ms\n`,
  )
}

async function openAll(url: string, tokens: string[]) {
  const all = await times(tokens.length, async (at) => {
    const sockets: Awaited<ReturnType<typeof signedInSocket>>[] = []
    for (let n = 0; n < socketsPerUser; n++) sockets.push(await signedInSocket(url, tokens[at] ?? ''))
    return sockets
  })
  return all.flat()
}

/** Mostly reads. One in ten requests writes a profile or publishes a message. */
function requestOf(n: number, token: string): string {
  const [line, body] = writes[n % 20]?.(n) ?? (['GET /api/v1/users/me', ''] as const)
  const head = [`${line} HTTP/1.1`, 'Host: fastkit', `Authorization: Bearer ${token}`]
  const ofBody = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  return `${[...head, ...(body ? ofBody : [])].join('\r\n')}\r\n\r\n${body}`
}

const writes: Record<number, (n: number) => readonly [string, string]> = {
  0: (n) => ['PATCH /api/v1/users/me', JSON.stringify({ display_name: `Visitor ${n}` })],
  10: (n) => ['POST /api/v1/channels/room:drain/messages', JSON.stringify({ data: n })],
}
