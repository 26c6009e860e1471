import { describe, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { random } from '../support/random'
import { startTestService, useService } from '../support/service'
import { enterWithSocket, signedInSocket } from '../support/socket'

const service = useService()

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const offsets = (messages: Record<string, unknown>[]) => messages.map(({ offset }) => offset)
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

async function fill(token: string, channel: string, count: number) {
  for (let n = 0; n < count; n++) {
    const { status } = await service.call(`POST /api/v1/channels/${channel}/messages`, {
      token,
      body: { data: n },
    })
    expect(status).toBe(201)
  }
}

describe('recovery', () => {
  test('brings what was missed, in order, after the answer, and then what is new', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await fill(ada.access_token, room, 10)
    expect(await ada.ask({ type: 'subscribe', channel: room, since: 4 })).toMatchObject({
      offset: 10,
      recovered: true,
    })
    await fill(ada.access_token, room, 2)
    expect(offsets(await ada.many('message', 8))).toEqual(numbers(5, 12))
    expect(ada.received.findIndex(({ type }) => type === 'subscribed')).toBeLessThan(
      ada.received.findIndex(({ type }) => type === 'message'),
    )
    await ada.close()
  })

  test('without `since` brings nothing of the past', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await fill(ada.access_token, room, 3)
    expect(await ada.ask({ type: 'subscribe', channel: room })).toEqual({
      type: 'subscribed',
      channel: room,
      offset: 3,
      id: 1,
    })
    await fill(ada.access_token, room, 1)
    expect(offsets(await ada.many('message', 1))).toEqual([4])
    await ada.close()
  })

  test.each([
    { count: 0, since: 0, recovered: true },
    { count: 0, since: 7, recovered: false },
    { count: 3, since: 3, recovered: true },
    { count: 3, since: 4, recovered: false },
    { count: 103, since: 3, recovered: true },
    { count: 103, since: 2, recovered: false },
    { count: 103, since: 0, recovered: false },
  ])('of $count messages since $since: $recovered', async ({ count, since, recovered }) => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await fill(ada.access_token, room, count)
    expect(await ada.ask({ type: 'subscribe', channel: room, since })).toMatchObject({
      offset: count,
      recovered,
    })
    await ada.ask({ type: 'ping' })
    expect(offsets(ada.of('message'))).toEqual(recovered ? numbers(since + 1, count) : [])
    await ada.close()
  })

  test('is refused for what is older than 24 hours', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await fill(ada.access_token, room, 3)
    await service.sql`update channel_messages set sent_at = sent_at - interval '25 hours' where channel = ${room} and "offset" = 2`
    expect(await ada.ask({ type: 'subscribe', channel: room, since: 1 })).toMatchObject({ recovered: false })
    expect(await ada.ask({ type: 'subscribe', channel: room, since: 2 })).toMatchObject({ recovered: true })
    await ada.close()
  })

  test('is not for `admin`, where nothing carries an offset', async () => {
    const admin = await enterWithSocket(service, { isAdmin: true })
    expect(await admin.ask({ type: 'subscribe', channel: 'admin', since: 0 })).toEqual({
      type: 'subscribed',
      channel: 'admin',
      recovered: false,
      id: 1,
    })
    await admin.close()
  })

  test('again on the same socket neither doubles nor drops', async () => {
    const room = newRoom()
    const ada = await enterWithSocket(service)
    await ada.ask({ type: 'subscribe', channel: room })
    const publishing = fill((await service.enter()).access_token, room, 30)
    for (let n = 0; n < 10; n++) await ada.ask({ type: 'subscribe', channel: room })
    await publishing
    expect(offsets(await ada.many('message', 30))).toEqual(numbers(1, 30))
    await ada.close()
  })
})

describe('a link that drops again and again', () => {
  test('leaves every reader with the whole history, in order, once', async () => {
    const other = serverUrl ? await startTestService({}, { beside: service }) : null
    const room = newRoom()
    const writers = await Promise.all(Array.from({ length: 3 }, () => service.enter()))
    const total = 90
    let isWriting = true

    async function read(n: number) {
      const { access_token } = await service.enter()
      const seen: unknown[] = []
      while (isWriting || seen.length < total) {
        const { url } = n % 2 && other ? other : service
        const socket = await signedInSocket(url, access_token)
        const since = Number(seen.at(-1) ?? 0)
        expect(await socket.ask({ type: 'subscribe', channel: room, since })).toMatchObject({
          recovered: true,
        })
        await Bun.sleep(random() * 60)
        socket.socket.terminate()
        await socket.closed()
        seen.push(...offsets(socket.of('message')))
      }
      return seen
    }

    const reading = Array.from({ length: 6 }, (_, n) => read(n))
    await Promise.all(writers.map(({ access_token }) => fill(access_token, room, total / writers.length)))
    isWriting = false
    for (const seen of await Promise.all(reading)) expect(seen).toEqual(numbers(1, total))
    await other?.stop()
  })
})

describe.skipIf(!serverUrl)('while the link for notices is down', () => {
  test('sockets stay, and what was published elsewhere comes with its return, once and in order', async () => {
    const other = await startTestService({}, { beside: service })
    const room = newRoom()
    const [ada, bob] = [await enterWithSocket(service), await enterWithSocket(other)]
    await bob.ask({ type: 'subscribe', channel: room })
    const cut = () =>
      service.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'fastkit listener' and datname = current_database()`
    for (let round = 0; round < 3; round++) {
      await cut()
      for (let n = 0; n < 5; n++) await ada.ask({ type: 'publish', channel: room, data: n })
    }
    expect(offsets(await bob.many('message', 15))).toEqual(numbers(1, 15))
    expect(bob.isOpen()).toBe(true)
    for (const user of [ada, bob]) await user.close()
    await other.stop()
  })
})
