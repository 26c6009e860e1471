import { describe, expect, test } from 'bun:test'
import { maxNewChannelsPerHour, maxPublishedBytesPerHour } from '../../src/modules/realtime/limits'
import { from, limited, newAddress } from '../support/many-sockets'
import { type Service, useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

const service = useService({ ...limited, ACCESS_TOKEN_TTL: '12h' })

type Writer = Awaited<ReturnType<typeof enterWithSocket>>

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const text = 'x'.repeat(60_000)
const maxTexts = Math.floor(maxPublishedBytesPerHour / text.length)

/** Publishes over the socket, as fast as one may. */
async function say({ ask }: Writer, channel: string, { data = 1 as unknown, at = service } = {}) {
  at.clock.advance(0.02)
  const { type, code } = await ask({ type: 'publish', channel, data })
  return type === 'error' ? code : type
}

/** Publishes over HTTP, from another address each time. */
const post = (
  { access_token: token }: Writer,
  channel: string,
  { data = 1 as unknown, at = service as Service } = {},
) =>
  at.call(`POST /api/v1/channels/${channel}/messages`, { token, body: { data }, headers: from(newAddress()) })

const kept = async ({ id }: Writer) =>
  (
    await service.sql`select count(distinct channel)::int as channels, coalesce(sum(length(data::text)), 0)::int as bytes
      from channel_messages where from_user_id = ${id}`
  )[0]

/** Publishes until it is refused, 500 times at most; answers how often it was not. */
async function countAccepted(publish: () => Promise<string>) {
  for (let accepted = 0; accepted < 500; accepted++) {
    const outcome = await publish()
    if (outcome === 'rate_limited') return accepted
    expect(outcome).toBe('published')
  }
  return 500
}

async function postOutcome(...given: Parameters<typeof post>) {
  const { status, body } = await post(...given)
  return status === 201 ? 'published' : String(body.code)
}

const doors = {
  'a socket': say,
  HTTP: postOutcome,
}

describe.each(Object.entries(doors))('one account over %s', (_, publish) => {
  test('makes so many channels an hour and no more; the others are as they were', async () => {
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    const first = newRoom()
    await publish(ada, first)
    expect(await countAccepted(() => publish(ada, newRoom()))).toBe(maxNewChannelsPerHour - 1)
    // Through every door, and without a trace.
    expect([await say(ada, newRoom()), await postOutcome(ada, newRoom())]).toEqual([
      'rate_limited',
      'rate_limited',
    ])
    expect(await kept(ada)).toMatchObject({ channels: maxNewChannelsPerHour })
    expect([await publish(ada, first), await publish(bob, newRoom())]).toEqual(['published', 'published'])
    const { headers } = await post(ada, newRoom())
    expect(headers.get('ratelimit-policy')).toBe(`"new_channels";q=${maxNewChannelsPerHour};w=3600`)
    expect(Number(headers.get('retry-after'))).toBeWithin(3000, 3601)
    service.clock.advance(3601)
    expect(await publish(ada, newRoom())).toBe('published')
    await Promise.all([ada.close(), bob.close()])
  })

  test('publishes so many bytes an hour and no more, to however many channels', async () => {
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    const rooms = Array.from({ length: 20 }, newRoom)
    const roomAt = (n: number) => rooms[n % rooms.length] ?? ''
    let n = 0
    expect(await countAccepted(() => publish(ada, roomAt(n++), { data: text }))).toBe(maxTexts)
    expect(await publish(ada, roomAt(0))).toBe('rate_limited')
    expect((await kept(ada))?.['bytes']).toBeLessThan(maxPublishedBytesPerHour)
    expect(await publish(bob, roomAt(0), { data: text })).toBe('published')
    const { status, headers } = await post(ada, roomAt(0))
    expect(status).toBe(429)
    expect(headers.get('ratelimit-policy')).toBe(`"published_bytes";q=${maxPublishedBytesPerHour};w=3600`)
    expect(Number(headers.get('retry-after'))).toBeWithin(3000, 3601)
    service.clock.advance(3601)
    expect(await publish(ada, roomAt(0), { data: text })).toBe('published')
    await Promise.all([ada.close(), bob.close()])
  })
})

describe('RATE_LIMIT=off', () => {
  const unlimited = useService()

  test('takes the bounds away', async () => {
    const ada = await enterWithSocket(unlimited)
    for (let n = 0; n <= maxNewChannelsPerHour; n++)
      expect(await say(ada, newRoom(), { at: unlimited })).toBe('published')
    const room = newRoom()
    for (let n = 0; n <= maxTexts; n++)
      expect(await postOutcome(ada, room, { data: text, at: unlimited })).toBe('published')
    await ada.close()
  })
})

test('a message past its age goes when the next one is written', async () => {
  const [ada, room] = [await enterWithSocket(service), newRoom()]
  await say(ada, room, { data: 'old' })
  await service.sql`update channel_messages set sent_at = sent_at - interval '25 hours' where channel = ${room}`
  await say(ada, room, { data: 'new' })
  const left = await service.sql`select data from channel_messages where channel = ${room}`
  expect(left.map(({ data }) => data)).toEqual(['new'])
  await ada.close()
})
