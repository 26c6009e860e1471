import { describe, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { startTestService, useService } from '../support/service'
import { enterWithSocket, signedInSocket } from '../support/socket'

const service = useService()

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const error = (code: string) => ({ type: 'error', code })

describe('what is forbidden to a user', () => {
  test.each([
    ['subscribe', 'admin'],
    ['subscribe', 'user:0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
    ['subscribe', 'room'],
    ['subscribe', 'user'],
    ['subscribe', 'admin:x'],
    ['subscribe', 'system:x'],
    ['subscribe', 'constructor'],
    ['subscribe', 'constructor:x'],
    ['publish', 'admin'],
    ['publish', 'system'],
    ['publish', 'user:0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
    ['publish', 'nothing'],
    ['presence', 'system'],
    ['presence', 'admin'],
    ['presence', 'room:not-subscribed'],
    ['unsubscribe', 'system'],
  ])('%s %s', async (type, channel) => {
    const user = await enterWithSocket(service)
    const message = { type, channel, ...(type === 'publish' && { data: 1 }) }
    expect(await user.ask(message)).toMatchObject(error('forbidden'))
    await user.close()
  })

  test('broadcast and disconnect', async () => {
    const user = await enterWithSocket(service)
    expect(await user.ask({ type: 'broadcast', data: 1 })).toMatchObject(error('forbidden'))
    expect(await user.ask({ type: 'disconnect', user_id: user.id })).toMatchObject(error('forbidden'))
    expect(user.isOpen()).toBe(true)
    await user.close()
  })
})

describe('a message that makes no sense', () => {
  test.each([
    ['no JSON', '{"type":', 'malformed_body'],
    ['a number', '12', 'malformed_body'],
    ['true', 'true', 'malformed_body'],
    ['null', 'null', 'malformed_body'],
    ['a text', '"ping"', 'malformed_body'],
    ['a list', '[{"type":"ping"}]', 'malformed_body'],
    ['no type', '{}', 'validation_failed'],
    ['an unknown type', '{"type":"toString"}', 'validation_failed'],
    ['a prototype', '{"type":"__proto__"}', 'validation_failed'],
    ['an unknown field', '{"type":"ping","x":1}', 'validation_failed'],
    ['no channel', '{"type":"subscribe"}', 'validation_failed'],
    ['a bad channel', '{"type":"subscribe","channel":"room:a b"}', 'validation_failed'],
    ['a channel with a second line', '{"type":"subscribe","channel":"room:a\\nb"}', 'validation_failed'],
    ['a negative offset', '{"type":"subscribe","channel":"room:a","since":-1}', 'validation_failed'],
    [
      'an identity',
      '{"type":"publish","channel":"room:a","data":1,"from":{"user_id":"x"}}',
      'validation_failed',
    ],
    ['no data', '{"type":"publish","channel":"room:a"}', 'validation_failed'],
    ['NUL', '{"type":"publish","channel":"room:a","data":"\\u0000"}', 'validation_failed'],
    ['half a surrogate', '{"type":"publish","channel":"room:a","data":["\\ud800"]}', 'validation_failed'],
    [
      'deep nesting',
      `{"type":"publish","channel":"room:a","data":${'['.repeat(9999)}${']'.repeat(9999)}}`,
      'validation_failed',
    ],
    ['an object as id', '{"type":"ping","id":{}}', 'validation_failed'],
    ['no user', '{"type":"disconnect","user_id":"me"}', 'validation_failed'],
  ])('%s is answered with an error', async (_, frame, code) => {
    const user = await enterWithSocket(service)
    user.send(frame)
    expect(await user.next('error')).toMatchObject(error(code))
    expect(await user.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    await user.close()
  })

  test('as bytes is answered with an error', async () => {
    const user = await enterWithSocket(service)
    user.socket.send(new TextEncoder().encode('{"type":"ping"}'))
    expect(await user.next('error')).toMatchObject(error('malformed_body'))
    await user.close()
  })

  test('is answered with its id', async () => {
    const user = await enterWithSocket(service)
    user.send({ type: 'nonsense', id: 'seven' })
    expect(await user.next('error')).toMatchObject({ id: 'seven' })
    await user.close()
  })

  test('closes the socket with 4400 when it is the tenth', async () => {
    const user = await enterWithSocket(service)
    for (let n = 0; n < 15; n++) user.send('nonsense')
    expect((await user.closed()).code).toBe(4400)
    expect(user.of('error')).toHaveLength(10)
  })
})

describe('publishing', () => {
  test('reaches the others with the identity of the session, and the publisher only as `published`', async () => {
    const room = newRoom()
    const [ada, bob, eve] = [
      await enterWithSocket(service),
      await enterWithSocket(service),
      await enterWithSocket(service),
    ]
    for (const user of [ada, bob]) await user.ask({ type: 'subscribe', channel: room })
    expect(await ada.ask({ type: 'publish', channel: room, data: { text: 'hi' } })).toEqual({
      type: 'published',
      channel: room,
      offset: 1,
      id: 2,
    })
    expect(await bob.next('message')).toEqual({
      type: 'message',
      channel: room,
      offset: 1,
      data: { text: 'hi' },
      from: { user_id: ada.id },
      sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/),
    })
    await bob.ask({ type: 'ping' })
    expect([ada.of('message'), eve.of('message')]).toEqual([[], []])
    for (const user of [ada, bob, eve]) await user.close()
  })

  test('needs no subscription, and reaches the publisher’s other socket', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    const other = await signedInSocket(service.url, ada.access_token)
    await other.ask({ type: 'subscribe', channel: room })
    expect(await ada.ask({ type: 'publish', channel: room, data: null })).toMatchObject({ type: 'published' })
    expect(await other.next('message')).toMatchObject({ data: null, from: { user_id: ada.id } })
    for (const socket of [ada, other]) await socket.close()
  })

  test('stops reaching who has unsubscribed', async () => {
    const room = newRoom()
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    await bob.ask({ type: 'subscribe', channel: room })
    expect(await bob.ask({ type: 'unsubscribe', channel: room })).toMatchObject({ type: 'unsubscribed' })
    await ada.ask({ type: 'publish', channel: room, data: 1 })
    await bob.ask({ type: 'ping' })
    expect(bob.of('message')).toEqual([])
    for (const user of [ada, bob]) await user.close()
  })

  test('of what does not fit a notice arrives whole', async () => {
    const room = newRoom()
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    await bob.ask({ type: 'subscribe', channel: room })
    const data = 'ö'.repeat(30_000)
    await ada.ask({ type: 'publish', channel: room, data })
    await ada.ask({ type: 'publish', channel: room, data: 'small' })
    const messages = await bob.many('message', 2)
    expect(messages.map((message) => message['data'] === data)).toEqual([true, false])
    for (const user of [ada, bob]) await user.close()
  })

  test('to `user:<id>` is for that user and admins, with or without offset by channel', async () => {
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    const admin = await enterWithSocket(service, { isAdmin: true })
    const channel = `user:${ada.id}`
    expect(await ada.ask({ type: 'subscribe', channel })).toMatchObject({ type: 'subscribed', offset: 0 })
    expect(await admin.ask({ type: 'subscribe', channel: 'admin' })).toEqual({
      type: 'subscribed',
      channel: 'admin',
      id: 1,
    })
    expect(await bob.ask({ type: 'publish', channel, data: 1 })).toMatchObject(error('forbidden'))
    expect(await admin.ask({ type: 'publish', channel, data: 1 })).toMatchObject({
      type: 'published',
      offset: 1,
    })
    expect(await ada.next('message')).toMatchObject({ channel, offset: 1, from: { user_id: admin.id } })
    for (const user of [ada, bob, admin]) await user.close()
  })
})

describe('messages of one socket', () => {
  test('are done in the order in which they came', async () => {
    const room = newRoom()
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    await bob.ask({ type: 'subscribe', channel: room })
    for (let n = 1; n <= 60; n++)
      ada.send({ type: n % 3 ? 'publish' : 'ping', ...(n % 3 && { channel: room, data: n }), id: n })
    await Promise.all([bob.many('message', 40), ada.many('published', 40), ada.many('pong', 20)])
    const data = bob.of('message').map((message) => message['data'])
    expect(data).toEqual(Array.from({ length: 60 }, (_, n) => n + 1).filter((n) => n % 3))
    expect(ada.received.slice(1).map((reply) => reply['id'])).toEqual(
      Array.from({ length: 60 }, (_, n) => n + 1),
    )
    for (const user of [ada, bob]) await user.close()
  })
})

describe('broadcast and disconnect', () => {
  test('reach everyone, without a subscription', async () => {
    const users = [await enterWithSocket(service), await enterWithSocket(service)]
    const admin = await enterWithSocket(service, { isAdmin: true })
    const { delivered } = await admin.ask({ type: 'broadcast', data: 'all' })
    expect(delivered).toBe(3)
    for (const user of [...users, admin]) {
      expect(await user.next('message')).toMatchObject({
        channel: 'system',
        data: 'all',
        from: { user_id: admin.id },
      })
      expect(user.of('message')).toHaveLength(1)
    }
    for (const user of [...users, admin]) await user.close()
  })

  test('close every socket of one user with 4403, and count them', async () => {
    const victim = await enterWithSocket(service)
    const second = await signedInSocket(service.url, victim.access_token)
    const admin = await enterWithSocket(service, { isAdmin: true })
    expect(await admin.ask({ type: 'disconnect', user_id: victim.id })).toMatchObject({
      type: 'disconnected',
      count: 2,
    })
    expect([(await victim.closed()).code, (await second.closed()).code]).toEqual([4403, 4403])
    expect(admin.isOpen()).toBe(true)
    await admin.close()
  })
})

describe('a demoted admin', () => {
  test('leaves `admin` and the channels of others at once, and keeps its own', async () => {
    const [chief, admin, user] = [
      await enterWithSocket(service, { isAdmin: true }),
      await enterWithSocket(service, { isAdmin: true }),
      await enterWithSocket(service),
    ]
    const foreign = `user:${user.id}`
    for (const channel of ['admin', foreign, `user:${admin.id}`])
      await admin.ask({ type: 'subscribe', channel })
    await service.call(`PATCH /api/v1/users/${admin.id}`, {
      token: chief.access_token,
      body: { role: 'user' },
    })
    const dropped = await admin.many('unsubscribed', 2)
    expect(dropped).toEqual(
      ['admin', foreign].map((channel) => ({ type: 'unsubscribed', channel, reason: 'forbidden' })),
    )
    expect(await admin.next('user.updated')).toMatchObject({ user: { id: admin.id, role: 'user' } })
    await chief.ask({ type: 'publish', channel: 'admin', data: 'secret' })
    await user.ask({ type: 'publish', channel: foreign, data: 'secret' })
    expect(await admin.ask({ type: 'broadcast', data: 1 })).toMatchObject(error('forbidden'))
    expect(await admin.ask({ type: 'publish', channel: `user:${admin.id}`, data: 1 })).toMatchObject({
      type: 'published',
    })
    expect(admin.of('message')).toEqual([])
    for (const socket of [chief, admin, user]) await socket.close()
  })
})

describe.skipIf(!serverUrl)('two instances', () => {
  test('carry messages, broadcasts and disconnects to each other', async () => {
    const other = await startTestService({}, { beside: service })
    const room = newRoom()
    const [ada, admin] = [await enterWithSocket(service), await enterWithSocket(service, { isAdmin: true })]
    const away = await enterWithSocket(other)
    for (const user of [ada, away]) await user.ask({ type: 'subscribe', channel: room })
    const big = 'x'.repeat(20_000)
    for (const data of ['one', big, 'three']) await ada.ask({ type: 'publish', channel: room, data })
    expect((await away.many('message', 3)).map(({ data }) => data)).toEqual(['one', big, 'three'])
    expect((await admin.ask({ type: 'broadcast', data: 1 }))['delivered']).toBe(3)
    await away.next('message', ({ channel }) => channel === 'system')
    expect((await admin.ask({ type: 'disconnect', user_id: away.id }))['count']).toBe(1)
    expect((await away.closed()).code).toBe(4403)
    for (const user of [ada, admin]) await user.close()
    await other.stop()
  })
})
