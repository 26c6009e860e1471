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
/** The key lists of the steps in docs/secrets.md. */
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

type Instance = { url: string; setKeys(keys: string): Promise<void>; end(): Promise<number> }

/** An instance whose keys change by SIGHUP. */
async function withFile(): Promise<Instance> {
  const cwd = emptyDir()
  const path = join(cwd, 'keys')
  writeFileSync(path, older)
  const { url, pid, lines, end } = await serve({ cwd, env: { ...server(), JWT_SECRET_FILE: path } })
  const reloads = () => lines.filter(({ event }) => event === 'keys.reloaded').length
  return {
    url,
    async setKeys(keys) {
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
    async setKeys(JWT_SECRET) {
      const { end, port: PORT } = running
      expect(await end('SIGTERM')).toBe(0)
      running = await serve({ cwd, env: { ...server(), JWT_SECRET, PORT } })
    },
    end: () => running.end('SIGTERM'),
  }
}

const server = () => ({ DATABASE_URL: database.url ?? '' })

/**
 * A client that calls, refreshes and opens sockets on alternating instances. Like a load balancer it skips an instance
 * that is down; every other error is recorded in `failures`.
 */
function createVisitor(urls: string[]) {
  const clients = urls.map((url) => createClient(url))
  const failures: string[] = []
  let turn = 0
  let rounds = 0

  async function onAnyInstance<T>(work: (client: (typeof clients)[number]) => Promise<T | null>): Promise<T> {
    for (;;) {
      const client = clients[turn++ % clients.length]
      const result = client && (await work(client).catch(() => null))
      if (result) return result
      await Bun.sleep(20)
    }
  }
  const call = (route: string, options: { token?: string; body?: unknown }) =>
    onAnyInstance(async (client) => {
      const answer = await client.call(route, options)
      if (answer.status === 503) return null
      if (answer.status >= 400) failures.push(`${route} ${answer.status} ${answer.text}`)
      return answer
    })
  /** Opens a socket, by header or by ticket, and waits for its pong. */
  const openLiveSocket = (token: string) =>
    onAnyInstance(async ({ url }) => {
      const { body } = await call('POST /api/v1/ws/tickets', { token })
      const socket = await openSocket(url, rounds % 2 ? { query: { ticket: body.ticket } } : { token })
      const pong = socket.isOpen() && (await socket.ask({ type: 'ping' }))
      if (pong) return socket
      // The WebSocket API hides the status of a refused handshake, so this asks again without it.
      const { status } = await shakeHands(url, { headers: { Authorization: `Bearer ${token}` } })
      if (status >= 400 && status < 500) failures.push(`handshake ${status}`)
      return null
    })

  async function visit(pair: Pair): Promise<Pair> {
    await call('GET /api/v1/users/me', { token: pair.access_token })
    const socket = await openLiveSocket(pair.access_token)
    const { body } = await call('POST /api/v1/auth/refresh', { body: { refresh_token: pair.refresh_token } })
    if (socket.isOpen()) await authenticateAgain(socket, body.access_token)
    rounds++
    return body
  }

  async function authenticateAgain(socket: Awaited<ReturnType<typeof openSocket>>, token: string) {
    socket.send({ type: 'auth', token })
    await eventually(() => socket.of('ready').length > 1 || !socket.isOpen() || null)
    const { code } = await socket.close()
    // 1001 means that the instance restarts.
    if (![1000, 1005, 1001].includes(code)) failures.push(`socket ${code}`)
  }

  return { failures, visit, rounds: () => rounds, first: clients[0] }
}

describe.skipIf(!serverUrl).each([
  ['SIGHUP', withFile],
  ['restart', withVariable],
] as const)('rotation of JWT_SECRET by %s on two instances, one after the other', (_, start) => {
  test('fails no request, refresh or socket on either instance at any step', async () => {
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
    const allVisit = async () => {
      const before = visitors.map(({ rounds }) => rounds())
      // The first of the two rounds may have begun earlier.
      await eventually(() => visitors.every(({ rounds }, at) => rounds() >= (before[at] ?? 0) + 2) || null)
    }
    await allVisit()
    for (const keys of steps) {
      for (const instance of instances) {
        await instance.setKeys(keys)
        await allVisit()
      }
      // The last step requires that no client has a token of the old key.
      if (keys.startsWith(newer)) expect([...kids.values()]).toEqual(Array(4).fill(newKid))
    }
    isOver = true
    await Promise.all(visiting)
    expect(visitors.flatMap(({ failures }) => failures)).toEqual([])
    expect(await Promise.all(instances.map(({ end }) => end()))).toEqual([0, 0])
  })
})

describe.skipIf(!serverUrl)('rotation without its first step', () => {
  test('makes one instance refuse tokens of the other', async () => {
    const [one, other] = [await withFile(), await withFile()]
    await one.setKeys(`${newer},${older}`)
    const { access_token } = await createClient(one.url).enter()
    expect((await createClient(other.url).me(access_token)).body.code).toBe('invalid_token')
  })
})
