import { describe, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { startTestService, useService } from '../support/service'
import { enterWithSocket, signedInSocket } from '../support/socket'

const service = useService()

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const idsIn = ({ users }: Record<string, unknown>) =>
  Array.isArray(users) ? users.map(({ user_id }) => user_id).toSorted() : []

describe('presence', () => {
  test('is for members and admins', async () => {
    const room = newRoom()
    const [member, outsider] = [await enterWithSocket(service), await enterWithSocket(service)]
    const admin = await enterWithSocket(service, { isAdmin: true })
    await member.ask({ type: 'subscribe', channel: room })
    const path = `GET /api/v1/channels/${room}/presence`
    expect(await outsider.ask({ type: 'presence', channel: room })).toMatchObject({ code: 'forbidden' })
    expect((await service.call(path, { token: outsider.access_token })).status).toBe(403)
    const expected = { channel: room, users: [{ user_id: member.id }], count: 1 }
    for (const user of [member, admin]) {
      expect(await user.ask({ type: 'presence', channel: room })).toMatchObject(expected)
      expect((await service.call(path, { token: user.access_token })).body).toEqual(expected)
    }
    await member.ask({ type: 'unsubscribe', channel: room })
    expect(await member.ask({ type: 'presence', channel: room })).toMatchObject({ code: 'forbidden' })
    for (const user of [member, outsider, admin]) await user.close()
  })

  test('counts users, not sockets: `joined` with the first and `left` with the last', async () => {
    const room = newRoom()
    const [watcher, ada] = [await enterWithSocket(service), await enterWithSocket(service)]
    const second = await signedInSocket(service.url, ada.access_token)
    await watcher.ask({ type: 'subscribe', channel: room })
    for (const socket of [ada, second]) await socket.ask({ type: 'subscribe', channel: room })
    await watcher.next('joined')
    expect(idsIn(await watcher.ask({ type: 'presence', channel: room }))).toEqual(
      [ada.id, watcher.id].toSorted(),
    )
    await ada.ask({ type: 'unsubscribe', channel: room })
    await watcher.ask({ type: 'ping' })
    expect(watcher.of('left')).toEqual([])
    await second.close()
    expect(await watcher.next('left')).toEqual({ type: 'left', channel: room, user_id: ada.id })
    expect(watcher.of('joined')).toEqual([{ type: 'joined', channel: room, user_id: ada.id }])
    expect(idsIn(await watcher.ask({ type: 'presence', channel: room }))).toEqual([watcher.id])
    expect([ada.of('joined'), second.of('joined')]).toEqual([[], []])
    for (const user of [watcher, ada]) await user.close()
  })

  test('of 15 sockets that come and go at once is right at the end', async () => {
    const room = newRoom()
    const [watcher, ada] = [await enterWithSocket(service), await enterWithSocket(service)]
    await watcher.ask({ type: 'subscribe', channel: room })
    const sockets = await Promise.all(
      Array.from({ length: 15 }, () => signedInSocket(service.url, ada.access_token)),
    )
    await Promise.all(
      sockets.map(async (socket, n) => {
        for (let round = 0; round < 4; round++) {
          await socket.ask({ type: 'subscribe', channel: room })
          await socket.ask({ type: 'unsubscribe', channel: room })
        }
        if (n % 2) await socket.close()
      }),
    )
    expect(idsIn(await watcher.ask({ type: 'presence', channel: room }))).toEqual([watcher.id])
    await watcher.many('left', watcher.of('joined').length)
    const events = watcher.received
      .filter(({ type }) => type === 'joined' || type === 'left')
      .map(({ type }) => type)
    expect(events).toEqual(events.map((_, n) => (n % 2 ? 'left' : 'joined')))
    await Promise.all([watcher, ada, ...sockets].map((socket) => socket.close()))
  })

  test('leaves nothing behind when sockets are gone', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await ada.ask({ type: 'subscribe', channel: room })
    ada.socket.terminate()
    await ada.closed()
    for (const table of ['channel_members', 'realtime_sockets']) {
      let rows = -1
      for (let look = 0; look < 100 && rows !== 0; look++) {
        await Bun.sleep(20)
        const [row] =
          await service.sql`select count(*)::int as rows from ${service.sql(table)} where user_id = ${ada.id}`
        rows = row?.['rows']
      }
      expect({ table, rows }).toEqual({ table, rows: 0 })
    }
    expect(service.hub.channels.has(room)).toBe(false)
  })
})

describe.skipIf(!serverUrl)('over two instances', () => {
  test('a user is one user, and joins and leaves once', async () => {
    const other = await startTestService({}, { beside: service })
    const room = newRoom()
    const [watcher, ada] = [await enterWithSocket(service), await enterWithSocket(service)]
    const away = await signedInSocket(other.url, ada.access_token)
    await watcher.ask({ type: 'subscribe', channel: room })
    for (const socket of [away, ada]) await socket.ask({ type: 'subscribe', channel: room })
    await watcher.next('joined')
    expect(idsIn(await watcher.ask({ type: 'presence', channel: room }))).toEqual(
      [ada.id, watcher.id].toSorted(),
    )
    await ada.close()
    await Bun.sleep(200)
    expect(watcher.of('left')).toEqual([])
    await away.close()
    expect(await watcher.next('left')).toMatchObject({ user_id: ada.id })
    expect(watcher.of('joined')).toHaveLength(1)
    await watcher.close()
    await other.stop()
  })

  test('what a dead instance had is taken away, its users leave and their places are free', async () => {
    const room = newRoom()
    const [watcher, ada] = [await enterWithSocket(service), await enterWithSocket(service)]
    await watcher.ask({ type: 'subscribe', channel: room })
    const dead = crypto.randomUUID()
    const { sql } = service
    await sql`insert into realtime_instances (id, seen_at) values (${dead}, now() - interval '1 minute')`
    await sql`insert into channel_members (channel, user_id, instance_id) values (${room}, ${ada.id}, ${dead})`
    await sql`insert into realtime_sockets (id, user_id, slot, instance_id)
      select ${crypto.randomUUID()}, user_id, case slot when 7 then 8 else 7 end, ${dead}
      from realtime_sockets where user_id = ${ada.id}`
    expect(await watcher.next('left')).toMatchObject({ channel: room, user_id: ada.id })
    await Bun.sleep(100)
    expect(await sql`select from realtime_sockets where instance_id = ${dead}`).toHaveLength(0)
    for (const user of [watcher, ada]) await user.close()
  })

  test('an instance that was taken for dead writes itself down again', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await ada.ask({ type: 'subscribe', channel: room })
    await service.sql`delete from realtime_instances where id = ${service.hub.instanceId}`
    await Bun.sleep(2500)
    expect(idsIn(await ada.ask({ type: 'presence', channel: room }))).toEqual([ada.id])
    const rows = await service.sql`select from realtime_sockets where user_id = ${ada.id}`
    expect(rows).toHaveLength(1)
    await ada.close()
  })
})
