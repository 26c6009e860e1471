import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from '../support/eventually'
import { freePort } from '../support/ports'
import { type Service, startTestService, useService } from '../support/service'
import { enterWithSocket } from '../support/socket'

const service = useService()
const newRoom = () => `room:${crypto.randomUUID().slice(0, 8)}`
const until = (isTrue: () => boolean) => eventually(() => (isTrue() ? true : null))

/** The longest real wait of a client, whose own waits are on record instead. */
const waitMilliseconds = 200

type Setup = {
  url?: string
  channel: string
  token(isStale: boolean): Promise<string>
  since?: number
}

const stops: (() => void)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** Runs the client as the page shows it; answers what it did. */
async function run({ url = service.url, channel, token, since }: Setup) {
  const page = await Bun.file(`${import.meta.dir}/../../docs/websocket.md`).text()
  const [, code = ''] = /^```js\n(.*?)^```$/ms.exec(page) ?? []
  expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(45)
  const program = code.replace('ws://127.0.0.1:3000', url.replace('http', 'ws'))
  const client = { waits: [] as number[], shown: [] as unknown[], gaps: 0 }
  const squeezed = (work: () => void, milliseconds: number) => {
    client.waits.push(milliseconds)
    return setTimeout(work, Math.min(milliseconds, waitMilliseconds))
  }
  const listen = new Function('setTimeout', `${program}\nreturn listen`)(squeezed)
  const stop: () => void = listen(channel, {
    token,
    since,
    show: ({ data }: { data: unknown }) => client.shown.push(data),
    gap: () => client.gaps++,
  })
  stops.push(stop)
  return Object.assign(client, { stop })
}

const socketsOf = (userId: string, { hub }: Service = service) =>
  [...hub.connections.values()].filter(({ actor }) => actor.kind === 'user' && actor.userId === userId)

/** A client of a new user that is subscribed to a new room, and somebody else who publishes there. */
async function listening(token?: (access: string) => Setup['token']) {
  const [reader, writer, channel] = [await service.enter(), await enterWithSocket(service), newRoom()]
  const say = (data: unknown) => writer.ask({ type: 'publish', channel, data })
  const client = await run({
    channel,
    token: token?.(reader.access_token) ?? (async () => reader.access_token),
  })
  await until(() => isSubscribed(channel))
  const close = async (code: number, reason: string) => {
    const before = socketsOf(reader.id)
    // Closed and not cut off, so that what was sent before arrives.
    for (const { socket } of before) socket.close(code, reason)
    await until(() => !socketsOf(reader.id).some((socket) => before.includes(socket)))
  }
  return { reader, channel, say, client, close }
}

/** Someone has been told that he is subscribed. */
function isSubscribed(channel: string, { hub }: Service = service) {
  const [subscription] = hub.channels.get(channel)?.subscriptions.values() ?? []
  return subscription?.backlog === null
}

describe('the client in a few lines', () => {
  test('listens, comes back after a lost link and has missed nothing', async () => {
    const { reader, client, say, close } = await listening()
    await close(1001, 'goingAway')
    // The channel was empty when the link was lost.
    for (const data of [1, 2]) await say(data)
    await until(() => client.shown.length === 2)
    await say(3)
    await until(() => client.shown.length === 3)
    for (const { socket } of socketsOf(reader.id)) socket.terminate()
    await until(() => client.waits.length === 2)
    for (const data of [4, 5]) await say(data)
    await until(() => client.shown.length === 5)
    await say(6)
    await until(() => client.shown.length === 6)
    expect(client.shown).toEqual([1, 2, 3, 4, 5, 6])
    expect(client.gaps).toBe(0)
  })

  test('survives a token() that rejects once', async () => {
    let calls = 0
    const { client, say, close } = await listening((access) => async () => {
      if (++calls === 2) throw new Error('the server is away')
      return access
    })
    await close(1013, 'cannotKeepUp')
    await say('after')
    await until(() => client.shown.length === 1)
    expect([calls, client.waits.length]).toEqual([3, 2])
  })

  test('waits longer each time, up to 30 s and never the same, and not after stop()', async () => {
    let calls = 0
    const rejecting = async () => {
      calls++
      throw new Error('the server is away')
    }
    const client = await run({ channel: newRoom(), token: rejecting })
    await until(() => client.waits.length === 8)
    client.stop()
    for (const [n, wait] of client.waits.entries()) {
      const longest = Math.min(30_000, 1000 * 2 ** n)
      expect(wait).toBeWithin(longest / 2, longest + 1)
    }
    const before = calls
    await Bun.sleep(2 * waitMilliseconds)
    expect(calls).toBe(before)
  })

  test('stop() closes the socket for good', async () => {
    const { reader, client } = await listening()
    client.stop()
    await until(() => socketsOf(reader.id).length === 0)
    await Bun.sleep(2 * waitMilliseconds)
    expect([socketsOf(reader.id).length, client.waits]).toEqual([0, []])
  })

  test('waits as long as a server that goes away asks for', async () => {
    const { client, say, close } = await listening()
    await close(1001, 'goingAway, retry in 4200 ms')
    await say('after')
    await until(() => client.shown.length === 1)
    expect(client.waits).toEqual([4200])
  })

  test('renews the socket on `expiring`, and asks for a new token for that', async () => {
    const asked: boolean[] = []
    const reader = await service.enter()
    let pair: { access_token: string; refresh_token: string } = reader
    const channel = newRoom()
    const token = async (isStale: boolean) => {
      asked.push(isStale)
      if (isStale) pair = (await service.refresh(pair.refresh_token)).body
      return pair.access_token
    }
    const client = await run({ channel, token })
    await until(() => isSubscribed(channel))
    const [before] = socketsOf(reader.id)
    for (let round = 1; round <= 2; round++) {
      service.clock.advance(875)
      await until(() => asked.length === round + 1)
      await Bun.sleep(300)
    }
    service.clock.advance(60)
    await Bun.sleep(400)
    expect(socketsOf(reader.id)).toEqual(before ? [before] : [])
    expect([asked, client.waits]).toEqual([[false, true, true], []])
  })

  test('asks for a new token after 4401 and after a refused handshake', async () => {
    const asked: boolean[] = []
    const { client, say, close } = await listening((access) => async (isStale) => {
      asked.push(isStale)
      return asked.length === 2 ? 'stale' : access
    })
    await close(4401, 'unauthenticated')
    await say('after')
    await until(() => client.shown.length === 1)
    expect(asked).toEqual([false, true, true])
  })

  test('does not come back after 4403', async () => {
    const { reader, client, close } = await listening()
    await close(4403, 'notAllowed')
    await Bun.sleep(2 * waitMilliseconds)
    expect([socketsOf(reader.id).length, client.waits]).toEqual([0, []])
  })

  test.each([
    [4409, 'tooManySockets'],
    [4429, 'tooManyMessages'],
  ])('waits 30 s or longer after %d', async (code, reason) => {
    const { client, say, close } = await listening()
    await close(code, reason)
    await say('after')
    await until(() => client.shown.length === 1)
    expect(client.waits).toHaveLength(1)
    expect(client.waits[0]).toBeWithin(30_000, 60_001)
  })

  test('tells of messages that are no longer kept, and goes on', async () => {
    const { channel, client, say, close } = await listening()
    await say(1)
    await until(() => client.shown.length === 1)
    await close(1013, 'cannotKeepUp')
    await service.sql`delete from channel_messages where channel = ${channel}`
    for (const data of [2, 3]) await say(data)
    await service.sql`delete from channel_messages where channel = ${channel} and "offset" = 2`
    await until(() => client.waits.length === 1 && isSubscribed(channel))
    await say(4)
    await until(() => client.shown.includes(4))
    expect(client.gaps).toBe(1)
  })

  test('survives a restart of the server with a stale token', async () => {
    const home = mkdtempSync(join(tmpdir(), 'fastkit-test-'))
    const variables = { DATA_DIR: join(home, 'data'), PORT: String(freePort()) }
    const start = () => startTestService(variables, { beside: service })
    const first = await start()
    let pair: { access_token: string; refresh_token: string } = await first.enter()
    const { id } = await first.me(pair.access_token).then(({ body }) => body)
    const [channel, url] = [newRoom(), first.url]
    const token = async (isStale: boolean) => {
      const isOver = isStale || service.clock.now().getTime() > staleAt
      if (!isOver) return pair.access_token
      const { status, body } = await first.refresh(pair.refresh_token)
      if (status !== 200) throw new Error('the server is going away')
      pair = body
      return pair.access_token
    }
    const staleAt = service.clock.now().getTime() + 870_000
    const client = await run({ url, channel, token })
    await until(() => isSubscribed(channel, first))
    await first.stop()
    // Longer than the token lives, as of a machine that sleeps.
    service.clock.advance(3600)
    await until(() => client.waits.length >= 3)
    const second = await start()
    await until(() => socketsOf(id, second).length === 1 && isSubscribed(channel, second))
    const body = { data: 'after the restart' }
    await second.call(`POST /api/v1/channels/${channel}/messages`, { token: pair.access_token, body })
    await until(() => client.shown.length === 1)
    client.stop()
    await second.stop()
    rmSync(home, { recursive: true, force: true })
  }, 60_000)
})
