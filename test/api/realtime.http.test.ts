import { describe, expect, test } from 'bun:test'
import { useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

const service = useService()

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const otherUser = 'user:0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'

const routes = ['POST /messages', 'GET /messages', 'GET /presence'].map((route) => {
  const [method = '', path = ''] = route.split(' ')
  const body = method === 'POST' ? { body: { data: 1 } } : {}
  return { method, path, body, at: (channel: string) => `${method} /api/v1/channels/${channel}${path}` }
})

describe.each(routes)('$method /channels/{channel}$path', ({ at, body }) => {
  test('is for those who are signed in', async () => {
    const { status } = await service.call(at('room:x'), body)
    expect(status).toBe(401)
  })

  test.each(['admin', otherUser, 'nothing', 'room', 'admin:x'])(
    'answers a user 403 for %s',
    async (channel) => {
      const { access_token: token } = await service.enter()
      const answer = await service.call(at(channel), { token, ...body })
      expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
    },
  )

  test.each(['Room:x', 'room:', 'room:a%20b', 'room:a%2Fb', `room:${'x'.repeat(65)}`, 'room:a:b', '%00'])(
    'answers 422 for the name %s',
    async (channel) => {
      const { access_token: token } = await service.enter()
      expect((await service.call(at(channel), { token, ...body })).status).toBe(422)
    },
  )

  test('takes no other query parameter', async () => {
    const { access_token: token } = await service.enter()
    expect((await service.call(`${at('room:x')}?x=1`, { token, ...body })).status).toBe(422)
  })
})

describe('POST /channels/{channel}/messages', () => {
  test.each([
    [{}],
    [{ data: 1, from: { user_id: 'x' } }],
    [{ data: '\u0000' }],
    [{ data: ['\ud800'] }],
    [[]],
    [1],
  ])('refuses %j', async (body) => {
    const { access_token: token } = await service.enter()
    expect((await service.call('POST /api/v1/channels/room:x/messages', { token, body })).status).toBe(422)
  })

  test('publishes as a socket does, to every socket in the channel', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await ada.ask({ type: 'subscribe', channel: room })
    const { status, body } = await service.call(
      `POST /api/v1/channels/${encodeURIComponent(room)}/messages`,
      {
        token: ada.access_token,
        body: { data: { text: 'hi' } },
      },
    )
    expect(status).toBe(201)
    expect(body).toEqual({
      channel: room,
      offset: 1,
      data: { text: 'hi' },
      from: { user_id: ada.id },
      sent_at: expect.any(String),
    })
    expect(await ada.next('message')).toEqual({ type: 'message', ...body })
    await ada.close()
  })

  test('of an admin reaches everyone through `system`', async () => {
    const [ada, admin] = [await enterWithSocket(service), await enterWithSocket(service, { isAdmin: true })]
    const { status } = await service.call('POST /api/v1/channels/system/messages', {
      token: admin.access_token,
      body: { data: 'all' },
    })
    expect(status).toBe(201)
    expect(await ada.next('message')).toMatchObject({ channel: 'system', data: 'all' })
    for (const user of [ada, admin]) await user.close()
  })
})

describe('GET /channels/{channel}/messages', () => {
  test('pages through the history, newest first', async () => {
    const room = newRoom()
    const { access_token: token } = await service.enter()
    for (let data = 1; data <= 5; data++)
      await service.call(`POST /api/v1/channels/${room}/messages`, { token, body: { data } })
    const seen: number[] = []
    let cursor: string | null = ''
    for (let page = 0; cursor !== null && page < 5; page++) {
      const query = `?limit=2${cursor && `&cursor=${cursor}`}`
      const { body } = await service.call(`GET /api/v1/channels/${room}/messages${query}`, { token })
      seen.push(...body.items.map(({ offset }: { offset: number }) => offset))
      cursor = body.next_cursor
    }
    expect(seen).toEqual([5, 4, 3, 2, 1])
  })

  test('keeps 100 messages and none older than 24 hours', async () => {
    const room = newRoom()
    const { access_token: token } = await service.enter()
    for (let data = 1; data <= 103; data++)
      await service.call(`POST /api/v1/channels/${room}/messages`, { token, body: { data } })
    const all = await service.call(`GET /api/v1/channels/${room}/messages?limit=100`, { token })
    expect([all.body.items.length, all.body.items.at(-1).offset, all.body.next_cursor]).toEqual([
      100,
      4,
      null,
    ])
    service.clock.advance(24 * 3600 + 1)
    const { access_token: later } = await service.enter()
    expect(
      (await service.call(`GET /api/v1/channels/${room}/messages`, { token: later })).body.items,
    ).toEqual([])
  })

  test('has none for `system` and `admin`', async () => {
    const admin = await enterWithSocket(service, { isAdmin: true })
    for (const channel of ['system', 'admin']) {
      const { status } = await service.call(`GET /api/v1/channels/${channel}/messages`, {
        token: admin.access_token,
      })
      expect(status).toBe(403)
    }
    await admin.close()
  })

  test.each(['nonsense', Buffer.from('-1').toString('base64url'), Buffer.from('1e3').toString('base64url')])(
    'refuses the cursor %s',
    async (cursor) => {
      const { access_token: token } = await service.enter()
      const { status } = await service.call(`GET /api/v1/channels/room:x/messages?cursor=${cursor}`, {
        token,
      })
      expect(status).toBe(422)
    },
  )
})
