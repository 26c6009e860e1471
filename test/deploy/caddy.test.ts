import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { hasCaddy, startCaddy } from '../support/caddy'
import { createClient } from '../support/client'
import { createDying } from '../support/crashing-process'
import { freePort } from '../support/ports'
import { type Service, startTestService } from '../support/service'
import { openSlow, slowly } from '../support/slow-clients'
import { openSocket } from '../support/socket'
import { jsonRequest, sendFrom } from '../support/tls'

type Caddy = Awaited<ReturnType<typeof startCaddy>>

const unavailable = { type: 'about:blank', title: 'Service unavailable', status: 503 }

describe.skipIf(!hasCaddy && !Bun.env['CI'])('behind docs/deploy/Caddyfile', () => {
  let service: Service
  let caddy: Caddy
  let ports: [number, number]
  const running: Caddy[] = []
  async function start(...how: Parameters<typeof startCaddy>) {
    const started = await startCaddy(...how)
    running.push(started)
    return started
  }
  beforeAll(async () => {
    service = await startTestService({ TRUSTED_PROXIES: '127.0.0.1/32' })
    // The second instance is down, which must not affect any test.
    ports = [Number(new URL(service.url).port), freePort()]
    caddy = await start(ports, [['read_body 12s', 'read_body 4s']])
  })
  afterAll(async () => {
    for (const each of running) await each.stop()
    await service.stop()
  })

  test('requests are served over TLS, with Strict-Transport-Security', async () => {
    const { call } = createClient(caddy.url, caddy)
    for (let attempt = 0; attempt < 10; attempt++) {
      const { status, headers } = await call('GET /readyz')
      expect(status).toBe(200)
      expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
    }
    const wrong = await call('POST /api/v1/auth/refresh', { body: { refresh_token: 'x' } })
    expect([wrong.status, wrong.body.code]).toEqual([401, 'invalid_refresh_token'])
  })

  test('the service sees the address of the client, which its headers cannot change', async () => {
    const { id, email, password } = await service.register()
    const forged = {
      'X-Forwarded-For': '203.0.113.9',
      'X-Forwarded-Proto': 'http',
      Forwarded: 'for=203.0.113.9',
    }
    const request = jsonRequest('POST /api/v1/auth/login', { email, password }, forged)
    const { status, head } = await sendFrom({ ...caddy, localAddress: '127.0.0.7' }, request)
    expect(status).toBe(200)
    expect(head.toLowerCase()).toContain('strict-transport-security')
    const [session] = await service.sql`select ip from sessions where user_id = ${id}`
    expect(session?.['ip']).toBe('127.0.0.7')
  })

  test('an idle socket outlives the timeouts of requests', async () => {
    const { access_token: token } = await service.enter()
    const socket = await openSocket(caddy.url, { token, ca: caddy.ca })
    await socket.next('ready')
    for (let pings = 0; pings < 6; pings++) {
      service.clock.advance(26)
      await Bun.sleep(1000)
    }
    expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    await socket.close()
  })

  test('no token is in the logs of Caddy, even when connections fail', async () => {
    const { access_token: token } = await service.enter()
    const { body } = await service.call('POST /api/v1/ws/tickets', { token })
    const dead = await start([freePort(), freePort()])
    for (const query of [{ ticket: body.ticket }, { token }]) {
      const socket = await openSocket(caddy.url, { query, ca: caddy.ca })
      await socket.next('ready')
      await socket.close()
    }
    const options = { headers: { authorization: `Bearer ${token}` }, tls: { ca: dead.ca } }
    const down = await fetch(`${dead.url}/api/v1/ws?token=${token}`, options)
    expect([down.status, await down.json()]).toEqual([503, unavailable])
    expect(down.headers.get('content-type')).toBe('application/problem+json')
    expect(down.headers.get('retry-after')).toBe('2')
    const logged = (await caddy.logged()) + (await dead.logged())
    expect(logged).toContain('"uri":"/api/v1/ws?…"')
    expect(logged).toContain('"status":503')
    expect(logged).not.toMatch(/token=|ticket=/)
    expect(logged).not.toContain(token.slice(-20))
  })

  test('slow senders are disconnected', async () => {
    const { 'never reads its answer': _, 'keeps its connection and asks no more': __, ...kinds } = slowly
    const usual = await start(ports)
    const ends = Object.entries(kinds).map(async ([name, slow]) => {
      const { seconds } = await openSlow(usual.url, slow, usual.ca).ended
      return { name, seconds }
    })
    for (const { name, seconds } of await Promise.all(ends))
      expect([name, seconds < 20]).toEqual([name, true])
  }, 60_000)

  test('a request that an instance may have received is retried only if it is idempotent', async () => {
    const { seen, ports: dying, stop } = createDying()
    const { url, ca } = await start(dying)
    const { call } = createClient(url, { ca })
    expect((await call('POST /api/v1/auth/register', { body: {} })).status).toBe(503)
    expect(seen).toEqual(['POST'])
    stop()
  })
})
