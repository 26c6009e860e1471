import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createClient } from '../support/client'
import { createTestDatabase, serverUrl } from '../support/database'
import { times } from '../support/many-sockets'
import { createOperator, type Place } from '../support/operator'
import { openSocket, signedInSocket } from '../support/socket'

const socketsPerUser = 20
// An instance counts as dead after ten seconds without a heartbeat.
const untilNoticedMilliseconds = 30_000

const operator = createOperator()
let place: Place
let database: Awaited<ReturnType<typeof createTestDatabase>>
beforeAll(async () => {
  database = await createTestDatabase()
  const env = { JWT_SECRET: crypto.randomUUID(), ...(database.url && { DATABASE_URL: database.url }) }
  place = { cwd: operator.emptyDir(), env }
})
afterAll(async () => {
  await operator.clear()
  await database.drop()
})

const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const anyMessage = () => true

/** Opens the maximum of sockets of a user, and subscribes one to a channel. */
async function fill(url: string, token: string, room: string) {
  const sockets = await times(socketsPerUser, () => signedInSocket(url, token))
  await sockets[0]?.ask({ type: 'subscribe', channel: room })
}

/** Opens the maximum of sockets of a user. Returns the first message of each. */
async function openAll(url: string, token: string) {
  const sockets = await times(socketsPerUser, () => openSocket(url, { token }))
  const firstMessages = await Promise.all(
    sockets.map((socket) =>
      Promise.race([socket.next('ready').then(({ type }) => type), socket.closed().then(({ code }) => code)]),
    ),
  )
  await Promise.all(sockets.map((socket) => socket.close()))
  return new Set(firstMessages)
}

test.skipIf(serverUrl !== null)(
  'after kill -9 presence is empty, and every user may open the maximum of sockets at once',
  async () => {
    const doomed = await operator.serve(place)
    const ada = await createClient(doomed.url).enter()
    const room = newRoom()
    await fill(doomed.url, ada.access_token, room)
    await doomed.end('SIGKILL')

    const service = await operator.serve(place)
    expect(await openAll(service.url, ada.access_token)).toEqual(new Set(['ready']))
    const grace = await createClient(service.url).enter()
    const watcher = await signedInSocket(service.url, grace.access_token)
    await watcher.ask({ type: 'subscribe', channel: room })
    expect(await watcher.ask({ type: 'presence', channel: room })).toMatchObject({
      users: [{ user_id: grace.id }],
    })
    await watcher.close()
    expect(await service.end('SIGTERM')).toBe(0)
  },
)

describe.skipIf(serverUrl === null)('kill -9 of one of two instances', () => {
  test('is noticed by the other: its users leave, and their sockets are no longer counted', async () => {
    const [doomed, service] = [await operator.serve(place), await operator.serve(place)]
    const client = createClient(service.url)
    const [ada, grace] = [await client.enter(), await client.enter()]
    const room = newRoom()
    const watcher = await signedInSocket(service.url, grace.access_token)
    await watcher.ask({ type: 'subscribe', channel: room })
    await fill(doomed.url, ada.access_token, room)
    await watcher.next('joined')
    await doomed.end('SIGKILL')

    expect(await watcher.next('left', anyMessage, untilNoticedMilliseconds)).toMatchObject({
      user_id: ada.id,
    })
    expect(await openAll(service.url, ada.access_token)).toEqual(new Set(['ready']))
    expect(await watcher.ask({ type: 'presence', channel: room })).toMatchObject({
      users: [{ user_id: grace.id }],
    })
    await watcher.close()
    expect(await service.end('SIGTERM')).toBe(0)
  }, 90_000)
})
