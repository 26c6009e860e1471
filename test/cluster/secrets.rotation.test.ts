import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient, type Pair } from '../support/client'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { eventually } from '../support/eventually'
import { keyFor, kidOf, partsOf } from '../support/forge-token'
import { createOperator } from '../support/operator'
import { openSocket, shakeHands } from '../support/socket'

const { emptyDir, serve, clear } = createOperator()
const [older, newer] = [`older-${'k'.repeat(32)}`, `newer-${'k'.repeat(32)}`]
/** The steps of docs/secrets.md. */
const steps = [`${older},${newer}`, `${newer},${older}`, newer]
const accessKid = (pair: Pair) => partsOf(pair.access_token).header['kid']
const newKid = kidOf(keyFor('access', newer))

let database: Awaited<ReturnType<typeof createTestDatabase>> = { url: null, drop: nothing }
setDefaultTimeout(180_000)
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(async () => {
  await clear()
  await database.drop()
})

type Instance = { url: string; rekey(keys: string): Promise<void>; end(): Promise<number> }

/** An instance whose keys change by SIGHUP. */
async function withFile(): Promise<Instance> {
  const cwd = emptyDir()
  const path = join(cwd, 'keys')
  writeFileSync(path, older)
  const { url, pid, lines, end } = await serve({ cwd, env: { ...server(), JWT_SECRET_FILE: path } })
  const reloads = () => lines.filter(({ event }) => event === 'keys.reloaded').length
  return {
    url,
    async rekey(keys) {
      const before = reloads()
      writeFileSync(path, keys)
      process.kill(pid, 'SIGHUP')
      await eventually(() => reloads() > before || null)
    },
    end: () => end('SIGTERM'),
  }
}

/** An instance whose keys change by a restart on its port. */
async function withVariable(): Promise<Instance> {
  const cwd = emptyDir()
  let running = await serve({ cwd, env: { ...server(), JWT_SECRET: older } })
  return {
    url: running.url,
    async rekey(JWT_SECRET) {
      const { end, port: PORT } = running
      expect(await end('SIGTERM')).toBe(0)
      running = await serve({ cwd, env: { ...server(), JWT_SECRET, PORT } })
    },
    end: () => running.end('SIGTERM'),
  }
}

const server = () => ({ DATABASE_URL: database.url ?? '' })

/**
 * Someone who asks, refreshes and holds sockets, each time at another instance. One that is away is passed over, as a
 * load balancer would; whatever else is not a success is kept in `failures`.
 */
function createVisitor(urls: string[]) {
  const clients = urls.map((url) => createClient(url))
  const failures: string[] = []
  let turn = 0
  let rounds = 0

  async function somewhere<T>(work: (client: (typeof clients)[number]) => Promise<T | null>): Promise<T> {
    for (;;) {
      const client = clients[turn++ % clients.length]
      const result = client && (await work(client).catch(() => null))
      if (result) return result
      await Bun.sleep(20)
    }
  }
  const call = (route: string, options: { token?: string; body?: unknown }) =>
    somewhere(async (client) => {
      const answer = await client.call(route, options)
      if (answer.status === 503) return null
      if (answer.status >= 400) failures.push(`${route} ${answer.status} ${answer.text}`)
      return answer
    })
  /** A socket that has answered, by header or by ticket. */
  const greet = (token: string) =>
    somewhere(async ({ url }) => {
      const { body } = await call('POST /api/v1/ws/tickets', { token })
      const socket = await openSocket(url, rounds % 2 ? { query: { ticket: body.ticket } } : { token })
      const pong = socket.isOpen() && (await socket.ask({ type: 'ping' }))
      if (pong) return socket
      // A browser is not told why; who asks by hand is.
      const { status } = await shakeHands(url, { headers: { Authorization: `Bearer ${token}` } })
      if (status >= 400 && status < 500) failures.push(`handshake ${status}`)
      return null
    })

  async function visit(pair: Pair): Promise<Pair> {
    await call('GET /api/v1/users/me', { token: pair.access_token })
    const socket = await greet(pair.access_token)
    const { body } = await call('POST /api/v1/auth/refresh', { body: { refresh_token: pair.refresh_token } })
    if (socket.isOpen()) await renew(socket, body.access_token)
    rounds++
    return body
  }

  async function renew(socket: Awaited<ReturnType<typeof openSocket>>, token: string) {
    socket.send({ type: 'auth', token })
    await eventually(() => socket.of('ready').length > 1 || !socket.isOpen() || null)
    const { code } = await socket.close()
    // 1001: the instance is being restarted.
    if (![1000, 1005, 1001].includes(code)) failures.push(`socket ${code}`)
  }

  return { failures, visit, rounds: () => rounds, first: clients[0] }
}

describe.skipIf(!serverUrl).each([
  ['SIGHUP', withFile],
  ['restart', withVariable],
] as const)('rotation of JWT_SECRET by %s on two instances, one after the other', (_, start) => {
  test('fails no request, refresh or socket at either of them at any step', async () => {
    const instances = [await start(), await start()]
    const visitors = Array.from({ length: 4 }, () => createVisitor(instances.map(({ url }) => url)))
    let isOver = false
    const kids = new Map<number, unknown>()
    const visiting = visitors.map(async ({ first, visit }, at) => {
      if (!first) return
      let pair: Pair = await first.enter()
      while (!isOver) {
        pair = await visit(pair)
        kids.set(at, accessKid(pair))
      }
    })
    const everyoneComes = async () => {
      const before = visitors.map(({ rounds }) => rounds())
      // The first of the two rounds may have begun before.
      await eventually(() => visitors.every(({ rounds }, at) => rounds() >= (before[at] ?? 0) + 2) || null)
    }
    await everyoneComes()
    for (const keys of steps) {
      for (const instance of instances) {
        await instance.rekey(keys)
        await everyoneComes()
      }
      // What the last step waits for: nobody has a token of the old key any more.
      if (keys.startsWith(newer)) expect([...kids.values()]).toEqual(Array(4).fill(newKid))
    }
    isOver = true
    await Promise.all(visiting)
    expect(visitors.flatMap(({ failures }) => failures)).toEqual([])
    expect(await Promise.all(instances.map(({ end }) => end()))).toEqual([0, 0])
  })
})

describe.skipIf(!serverUrl)('a step left out', () => {
  test('is noticed: what the one instance signs, the other refuses', async () => {
    const [one, other] = [await withFile(), await withFile()]
    await one.rekey(`${newer},${older}`)
    const { access_token } = await createClient(one.url).enter()
    expect((await createClient(other.url).me(access_token)).body.code).toBe('invalid_token')
  })
})
