import { describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { serverUrl } from '../support/database'
import { type Service, startTestService, useService } from '../support/service'
import { enterWithSocket, openSocket, signedInSocket } from '../support/socket'

const service = useService()

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`

describe('the expiry of a token', () => {
  test('is announced 30 seconds before and closes the socket with 4401', async () => {
    const ada = await enterWithSocket(service)
    service.clock.advance(860)
    await Bun.sleep(400)
    expect(ada.of('expiring')).toEqual([])
    service.clock.advance(11)
    const { in: seconds } = await ada.next('expiring')
    expect(seconds).toBeWithin(25, 31)
    service.clock.advance(31)
    expect((await ada.closed()).code).toBe(4401)
    expect(ada.of('expiring')).toHaveLength(1)
  })

  test('is postponed by `auth` with a newer token of the session, and announced again', async () => {
    const ada = await enterWithSocket(service)
    service.clock.advance(875)
    await ada.next('expiring')
    const { body } = await service.refresh(ada.refresh_token)
    const ready = await ada.ask({ type: 'auth', token: body.access_token })
    expect(ready).toMatchObject({ type: 'ready', user: { id: ada.id } })
    // The older token does not shorten it again.
    expect(await ada.ask({ type: 'auth', token: ada.access_token })).toMatchObject({
      expires_at: ready['expires_at'],
    })
    service.clock.advance(60)
    expect(await ada.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    service.clock.advance(820)
    await ada.many('expiring', 2)
    await ada.close()
  })

  test.each(['another session', 'another user', 'nobody'])(
    'is not postponed by a token of %s',
    async (whose) => {
      const ada = await enterWithSocket(service)
      const tokens = {
        'another session': async () => (await service.signIn(ada)).access_token,
        'another user': async () => (await service.enter()).access_token,
        nobody: async () => 'nonsense',
      }
      const token = await Object.entries(tokens).find(([name]) => name === whose)?.[1]()
      const code = whose === 'nobody' ? 'invalid_token' : 'forbidden'
      expect(await ada.ask({ type: 'auth', token })).toMatchObject({ type: 'error', code })
      expect(await ada.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
      service.clock.advance(901)
      expect((await ada.closed()).code).toBe(4401)
    },
  )
})

describe('the end of a session', () => {
  type User = Awaited<ReturnType<typeof enterWithSocket>>
  const { call } = { call: (...request: Parameters<Service['call']>) => service.call(...request) }
  const ends: Record<string, (user: User, admin: User) => Promise<unknown>> = {
    logged_out: ({ access_token: token }) => call('POST /api/v1/auth/logout', { token }),
    logged_out_everywhere: ({ access_token: token }) => call('POST /api/v1/auth/logout-all', { token }),
    password_changed: ({ access_token: token, password }) =>
      call('POST /api/v1/auth/password', {
        token,
        body: { current_password: password, new_password: 'a quiet green lantern' },
      }),
    user_deactivated: ({ id }, { access_token: token }) =>
      call(`PATCH /api/v1/users/${id}`, { token, body: { is_active: false } }),
    user_deleted: ({ id }, { access_token: token }) => call(`DELETE /api/v1/users/${id}`, { token }),
    ended_by_admin: ({ id }, { access_token: token }) =>
      call(`DELETE /api/v1/users/${id}/sessions`, { token }),
  }
  test.each(Object.entries(ends))(
    'by %s is announced and closes the socket with 4401 at once',
    async (reason, end) => {
      const [user, admin] = [
        await enterWithSocket(service),
        await enterWithSocket(service, { isAdmin: true }),
      ]
      await end(user, admin)
      expect((await user.closed()).code).toBe(4401)
      expect(user.received.at(-1)).toMatchObject({
        type: 'session.revoked',
        channel: `user:${user.id}`,
        reason: expect.stringContaining(reason.split('_')[0] ?? ''),
      })
      expect(admin.isOpen()).toBe(true)
      await admin.close()
    },
  )

  test('is announced to the sockets of other sessions, which stay open', async () => {
    const ada = await enterWithSocket(service)
    const phone = await signedInSocket(service.url, (await service.signIn(ada)).access_token)
    await service.call('POST /api/v1/auth/logout', { token: ada.access_token })
    expect((await ada.closed()).code).toBe(4401)
    expect(await phone.next('session.revoked')).toMatchObject({ session_id: expect.any(String) })
    expect(await phone.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    await phone.close()
  })

  test('during handshakes leaves no socket of it open', async () => {
    for (let round = 0; round < 5; round++) {
      const { access_token: token } = await service.enter()
      const opening = Array.from({ length: 5 }, () => openSocket(service.url, { token }))
      await Bun.sleep(round * 2)
      await service.call('POST /api/v1/auth/logout', { token })
      for (const socket of await Promise.all(opening))
        expect((await socket.closed()).code).toBeOneOf([4401, 1002, 1006])
    }
  })
})

test('a change of the account is sent to its sockets', async () => {
  const ada = await enterWithSocket(service)
  await service.call('PATCH /api/v1/users/me', { token: ada.access_token, body: { display_name: 'Ada' } })
  expect(await ada.next('user.updated')).toMatchObject({
    channel: `user:${ada.id}`,
    user: { id: ada.id, display_name: 'Ada' },
  })
  await ada.close()
})

describe('limits allow', () => {
  test('20 sockets of one user, even when 30 open at once; the others are closed with 4409', async () => {
    const { access_token: token } = await service.enter()
    const sockets = await Promise.all(Array.from({ length: 30 }, () => openSocket(service.url, { token })))
    const outcomes = await Promise.all(
      sockets.map((socket) =>
        Promise.race([socket.next('ready').then(() => 'ready'), socket.closed().then(({ code }) => code)]),
      ),
    )
    expect(outcomes.toSorted()).toEqual([...Array(10).fill(4409), ...Array(20).fill('ready')])
    await sockets[outcomes.indexOf('ready')]?.close()
    await Bun.sleep(100)
    const late = await signedInSocket(service.url, token)
    await Promise.all([late, ...sockets].map((socket) => socket.close()))
  })

  test('100 messages at once; more close that one socket with 4429', async () => {
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(service)]
    for (let n = 0; n < 100; n++) ada.send({ type: 'ping' })
    await ada.many('pong', 95)
    for (let n = 0; n < 200; n++) ada.send({ type: 'ping' })
    expect((await ada.closed()).code).toBe(4429)
    expect(await bob.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    await bob.close()
  })

  test('frames of 64 KiB; a larger one closes with 1009', async () => {
    const ada = await enterWithSocket(service)
    const frame = JSON.stringify({ type: 'ping', id: 'x' })
    ada.send(frame.padEnd(64 * 1024))
    expect(await ada.next('pong')).toMatchObject({ id: 'x' })
    ada.send(frame.padEnd(64 * 1024 + 1))
    expect((await ada.closed()).code).toBeOneOf([1009, 1006])
  })

  test('100 subscriptions of one socket', async () => {
    const ada = await enterWithSocket(service)
    for (let n = 0; n < 99; n++) {
      service.clock.advance(0.1)
      expect(await ada.ask({ type: 'subscribe', channel: `room:many-${n}` })).toMatchObject({
        type: 'subscribed',
      })
    }
    expect(await ada.ask({ type: 'subscribe', channel: 'room:many-99' })).toMatchObject({
      code: 'rate_limited',
    })
    await ada.close()
  })
})

describe('a client', () => {
  test('is disconnected when it stops reading, and its unsent data is bounded', async () => {
    const room = newRoom()
    const [ada, writer] = [await service.enter(), await service.enter()]
    const reader = await rawSocket(ada.access_token)
    reader.send({ type: 'subscribe', channel: room })
    await reader.until('subscribed')
    reader.socket.pause()
    const connection = [...service.hub.connections.values()].find(
      ({ actor }) => actor.kind === 'user' && actor.userId === ada.id,
    )
    let most = 0
    for (let n = 0; n < 400 && connection && !connection.closeDeadline; n++) {
      await service.call(`POST /api/v1/channels/${room}/messages`, {
        token: writer.access_token,
        body: { data: 'x'.repeat(60_000) },
      })
      most = Math.max(most, connection.socket.getBufferedAmount())
    }
    expect(connection?.closeDeadline).toBeDate()
    expect(most).toBeLessThan(1.2 * 1024 * 1024)
    service.clock.advance(6)
    await Bun.sleep(400)
    expect(service.hub.byUser.has(ada.id)).toBe(false)
    reader.socket.destroy()
  })

  test('gets a ping after 25 seconds, and is disconnected without a pong 10 seconds later', async () => {
    const { access_token, id } = await service.enter()
    const mute = await rawSocket(access_token)
    const ada = await enterWithSocket(service)
    service.clock.advance(26)
    await Bun.sleep(400)
    expect(service.hub.byUser.has(id)).toBe(true)
    service.clock.advance(10)
    await Bun.sleep(400)
    expect(service.hub.byUser.has(id)).toBe(false)
    expect(await ada.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    mute.socket.destroy()
    await ada.close()
  })
})

test('a handler that fails sends an error, logs once, and the service goes on', async () => {
  const own = await startTestService()
  const ada = await enterWithSocket(own)
  await own.sql`alter table channel_messages rename to hidden`
  expect(await ada.ask({ type: 'publish', channel: 'room:x', data: 1 })).toMatchObject({
    type: 'error',
    code: 'internal',
  })
  await own.sql`alter table hidden rename to channel_messages`
  expect(await ada.ask({ type: 'publish', channel: 'room:x', data: 1 })).toMatchObject({
    type: 'published',
    offset: 1,
  })
  expect(own.lines.filter(({ level }) => level >= 50)).toHaveLength(1)
  await own.stop()
  expect((await ada.closed()).code).toBe(1001)
})

describe.skipIf(!serverUrl)('on another instance', () => {
  test('changes of session, role or account take effect within a second', async () => {
    const other = await startTestService({}, { beside: service })
    const [ada, chief] = [await service.enter(), await enterWithSocket(service, { isAdmin: true })]
    const away = await signedInSocket(other.url, ada.access_token)
    await service.call(`PATCH /api/v1/users/${ada.id}`, {
      token: chief.access_token,
      body: { role: 'admin' },
    })
    await away.next('user.updated')
    expect(await away.ask({ type: 'subscribe', channel: 'admin' })).toMatchObject({ type: 'subscribed' })
    await service.call(`PATCH /api/v1/users/${ada.id}`, { token: chief.access_token, body: { role: 'user' } })
    expect(await away.next('unsubscribed')).toMatchObject({ channel: 'admin', reason: 'forbidden' })
    const startedAt = performance.now()
    await service.call('POST /api/v1/auth/logout', { token: ada.access_token })
    expect((await away.closed()).code).toBe(4401)
    expect(performance.now() - startedAt).toBeLessThan(1000)
    await chief.close()
    await other.stop()
  })
})

/** A socket that answers no pings and can be paused. */
async function rawSocket(token: string) {
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  let received = ''
  socket.on('data', (data) => {
    received += data.toString('latin1')
  })
  socket.on('error', () => socket.destroy())
  const until = async (text: string) => {
    for (let look = 0; look < 200 && !received.includes(text); look++) await Bun.sleep(10)
    expect(received).toContain(text)
  }
  socket.write(
    `GET /api/v1/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  )
  await until('"ready"')
  /** A short text frame; the mask is all zero. */
  const send = (message: unknown) => {
    const text = Buffer.from(JSON.stringify(message))
    socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]))
  }
  return { socket, send, until }
}
