import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createClient } from '../support/client'
import { createDying } from '../support/crashing-process'
import { times } from '../support/many-sockets'
import { hasNginx, startNginx } from '../support/nginx'
import { createOperator } from '../support/operator'
import { freePort } from '../support/ports'
import { type Service, startTestService } from '../support/service'
import { openSlow, slowly } from '../support/slow-clients'
import { openSocket } from '../support/socket'
import { sendFrom } from '../support/tls'

type Nginx = Awaited<ReturnType<typeof startNginx>>

const behind = { TRUSTED_PROXIES: '127.0.0.1/32' }
const unavailable = { type: 'about:blank', title: 'Service unavailable', status: 503 }
const portOf = ({ url }: { url: string }) => Number(new URL(url).port)

describe.skipIf(!hasNginx && !Bun.env['CI'])('behind docs/deploy/nginx.conf', () => {
  let service: Service
  let nobody: [number, number]
  const running: Nginx[] = []
  beforeAll(async () => {
    service = await startTestService(behind)
    nobody = [freePort(), freePort()]
  })
  afterAll(async () => {
    for (const nginx of running) await nginx.stop()
    await service.stop()
  })
  async function start(...[ports, swaps]: Parameters<typeof startNginx>) {
    const nginx = await startNginx(ports, swaps)
    running.push(nginx)
    return nginx
  }
  const before = (swaps?: Parameters<typeof startNginx>[1]) =>
    start([portOf(service), portOf(service)], swaps)
  const wsRequest = (query: string) => [
    `GET /api/v1/ws?${query} HTTP/1.1`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '',
    '',
  ]

  test('an idle socket stays open because of the pings, and closes without them', async () => {
    const nginx = await before([['proxy_read_timeout 60s', 'proxy_read_timeout 3s']])
    const { access_token: token } = await service.enter()
    const socket = await openSocket(nginx.url, { token, ca: nginx.ca })
    await socket.next('ready')
    for (let pings = 0; pings < 5; pings++) {
      service.clock.advance(26)
      await Bun.sleep(1000)
    }
    expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    expect((await socket.closed()).code).toBe(1006)
  })

  test('no token is in the logs of nginx, even when connections fail', async () => {
    const { access_token: token } = await service.enter()
    const { body } = await service.call('POST /api/v1/ws/tickets', { token })
    const nginx = await before([['limit_conn fastkit_address 100', 'limit_conn fastkit_address 1']])
    const dead = await start(nobody)
    for (const query of [{ ticket: body.ticket }, { token }]) {
      const socket = await openSocket(nginx.url, { query, ca: nginx.ca })
      await socket.next('ready')
      const local = { url: nginx.url, ca: nginx.ca, localAddress: '127.0.0.1' }
      expect((await sendFrom(local, wsRequest(`token=${token}`))).status).toBe(429)
      await socket.close()
    }
    for (const { url, ca } of [nginx, dead])
      await sendFrom({ url, ca, localAddress: '127.0.0.6' }, wsRequest('token=not.a.token'))
    const down = await sendFrom(
      { url: dead.url, ca: dead.ca, localAddress: '127.0.0.6' },
      wsRequest(`token=${token}`),
    )
    expect([down.status, JSON.parse(down.body)]).toEqual([503, unavailable])
    await fetch(`${nginx.plainUrl}/api/v1/ws?token=${token}`, { redirect: 'manual' })
    const logged = nginx.logged() + dead.logged()
    expect(logged).toContain('"GET /api/v1/ws HTTP/1.1" 101')
    expect(logged).toContain('"GET /api/v1/ws HTTP/1.1" 503')
    expect(logged).not.toMatch(/token=|ticket=/)
    expect(logged).not.toContain(token.slice(-20))
  })

  test('the connections of each address are limited separately', async () => {
    const nginx = await before([['limit_conn fastkit_address 100', 'limit_conn fastkit_address 3']])
    const { access_token: token } = await service.enter()
    const sockets = await times(3, () => openSocket(nginx.url, { token, ca: nginx.ca }))
    const from = (localAddress: string) =>
      sendFrom({ url: nginx.url, ca: nginx.ca, localAddress }, [
        'GET /livez HTTP/1.1',
        'Connection: close',
        '',
        '',
      ])
    const refused = await from('127.0.0.1')
    expect(refused.status).toBe(429)
    expect(refused.head).toMatch(/content-type: application\/problem\+json\r\n.*retry-after: 1/is)
    expect(JSON.parse(refused.body)).toMatchObject({ title: 'Too many connections', status: 429 })
    expect((await from('127.0.0.5')).status).toBe(200)
    for (const socket of sockets) await socket.close()
    expect((await from('127.0.0.1')).status).toBe(200)
  })

  const { 'never reads its answer': _, 'keeps its connection and asks no more': __, ...senders } = slowly
  const hasBody = ([, { start }]: [string, { start: string }]) => start.startsWith('POST')
  const slowBodies = Object.entries(senders).filter(hasBody)
  const slowHeaders = Object.entries(senders).filter((sender) => !hasBody(sender))

  test('slow senders of headers are disconnected', async () => {
    const nginx = await before()
    const ends = await Promise.all(
      slowHeaders.map(async ([name, slow]) => {
        const { seconds } = await openSlow(nginx.url, slow, nginx.ca).ended
        return { name, seconds }
      }),
    )
    for (const { name, seconds } of ends) expect([name, seconds < 20]).toEqual([name, true])
  }, 60_000)

  test('slow senders of bodies occupy nginx and not the service', async () => {
    const nginx = await before()
    const posted = () => service.lines.filter(({ method }) => method === 'POST').length
    const earlier = posted()
    const connections = slowBodies.map(([, slow]) => openSlow(nginx.url, slow, nginx.ca))
    expect(connections.length).toBe(4)
    await Bun.sleep(13_000)
    expect(posted()).toBe(earlier)
    for (const { cut } of connections) cut()
  }, 60_000)

  test('a restart gives a 503 with Retry-After, and then requests succeed', async () => {
    const operator = createOperator()
    try {
      const [cwd, port] = [operator.emptyDir(), freePort()]
      const env = { ...behind, PORT: String(port) }
      const nginx = await start([port, nobody[1]])
      const { call, register, signIn } = createClient(nginx.url, nginx)
      const first = await operator.serve({ cwd, env })
      const account = await until(() => register())
      await first.end('SIGTERM')
      const { status, headers, body } = await call('GET /readyz')
      expect([status, body]).toEqual([503, unavailable])
      expect(headers.get('content-type')).toBe('application/problem+json')
      expect(headers.get('retry-after')).toBe('2')
      await operator.serve({ cwd, env })
      expect((await until(() => signIn(account))).access_token).toBeString()
    } finally {
      await operator.clear()
    }
  }, 60_000)

  test('a request that an instance may have received is retried only if it is idempotent', async () => {
    const { seen, ports, stop } = createDying()
    const through = async (route: string) => {
      const nginx = await start(ports)
      return (await createClient(nginx.url, nginx).call(route)).status
    }
    expect(await through('POST /api/v1/auth/register')).toBe(503)
    expect(seen).toEqual(['POST'])
    expect(await through('GET /api/v1/users/me')).toBe(503)
    expect(seen).toEqual(['POST', 'GET', 'GET'])
    stop()
  })
})

/** Retries until it succeeds: nginx tries an instance that was down again after two seconds. */
async function until<T>(work: () => Promise<T>): Promise<T> {
  for (const end = performance.now() + 15_000; ; await Bun.sleep(200)) {
    try {
      return await work()
    } catch (error) {
      if (performance.now() > end) throw error
    }
  }
}
