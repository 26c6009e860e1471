import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createClient } from '../support/client'
import { openWire } from '../support/raw-websocket'
import { shakeHands, signedInSocket } from '../support/socket'
import { createPlace } from '../support/tmpfs'

setDefaultTimeout(60_000)

type Place = Awaited<ReturnType<typeof createPlace>>
type Process = Awaited<ReturnType<Place['serve']>>

let place: Place
beforeAll(async () => {
  place = await createPlace()
})
afterAll(() => place.clear())

/** A cost that keeps a sign-in in flight for some seconds, without blocking the event loop. */
const slowHash = { ARGON2_MEMORY_KIB: '65536', ARGON2_TIME: '12' }
const delay = { SHUTDOWN_DELAY: '2500ms' }

/** Sends the signal and waits until the service logs that it is stopping. */
async function startEnding({ pid, lines }: Process, signal: NodeJS.Signals = 'SIGTERM') {
  process.kill(pid, signal)
  for (let attempt = 0; attempt < 500; attempt++) {
    if (lines.some(({ event }) => event === 'service.stopping')) return
    await Bun.sleep(10)
  }
  throw new Error('the service does not stop')
}

describe('while the service drains', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'after %s it serves requests and is not ready',
    async (signal) => {
      const service = await place.serve(delay)
      const { call, enter } = createClient(service.url)
      const { access_token: token } = await enter()
      await startEnding(service, signal)

      const [live, ready, me, nowhere] = [
        await call('GET /livez'),
        await call('GET /readyz'),
        await call('GET /api/v1/users/me', { token }),
        await call('GET /nowhere'),
      ]
      expect([live, ready, me, nowhere].map(({ status }) => status)).toEqual([200, 503, 200, 404])
      expect(ready.body.checks.draining).toBe('draining')
      for (const { headers } of [live, ready, me, nowhere]) expect(headers.get('connection')).toBe('close')
      expect((await place.command(['health'], { PORT: service.port })).exitCode).toBe(1)
      expect(await service.end('SIGCONT')).toBe(0)
    },
  )

  test('every response closes its connection', async () => {
    const service = await place.serve(delay)
    const { enter } = createClient(service.url)
    const { access_token: token } = await enter()
    const requests = [
      'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n',
      `GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      'GET /api/v1/users/me HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /docs/websocket HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /docs/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n',
      'HEAD /docs HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      'OPTIONS /api/v1/users/me HTTP/1.1\r\nHost: x\r\nOrigin: http://x\r\nAccess-Control-Request-Method: GET\r\n\r\n',
      'PUT /livez HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /api/v1/ws HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST /api/v1/auth/logout HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
      `POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n${'x'.repeat(70_000)}`,
    ]
    await startEnding(service)
    for (const request of requests) {
      const { wire, write, closed } = await openWire(service.url)
      write(request)
      const { error, hasEnded } = await closed()
      const [line = ''] = request.split('\r\n')
      expect([line, wire.received.match(/^connection: .*$/gim)]).toEqual([line, ['Connection: close']])
      expect([line, error, hasEnded]).toEqual([line, null, true])
    }
    expect(await service.end('SIGCONT')).toBe(0)
  })

  test('a request in flight gets its response, with Connection: close', async () => {
    const service = await place.serve({ ...slowHash, SHUTDOWN_DELAY: '1ms' })
    const { newEmail } = createClient(service.url)
    const body = JSON.stringify({ email: newEmail(), password: 'a quiet green lantern' })
    const { wire, write, closed } = await openWire(service.url)
    write(
      `POST /api/v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    await Bun.sleep(150)
    expect(wire.received).toBe('')
    await startEnding(service)
    const { error, hasEnded } = await closed()
    expect(wire.received).toMatch(/^HTTP\/1.1 201 .*^connection: close\r$.*\{"id":.*\}$/ims)
    expect([error, hasEnded]).toEqual([null, true])
    expect(await service.end('SIGCONT')).toBe(0)
  })

  test('a new socket is refused with a problem and Retry-After', async () => {
    const service = await place.serve(delay)
    const { enter } = createClient(service.url)
    const { access_token } = await enter()
    await startEnding(service)
    const { status, headers, body } = await shakeHands(service.url, {
      headers: { Authorization: `Bearer ${access_token}` },
    })
    expect([
      status,
      headers.get('content-type'),
      headers.get('retry-after'),
      headers.get('connection'),
    ]).toEqual([503, 'application/problem+json', '1', 'close'])
    expect(body).toMatchObject({ code: 'shutting_down', type: '/docs/errors#shutting_down' })
    expect(await service.end('SIGCONT')).toBe(0)
  })

  test('sockets work, and are closed with 1001 and a different retry delay each', async () => {
    const service = await place.serve({ SHUTDOWN_DELAY: '1s' })
    const { enter } = createClient(service.url)
    const { access_token } = await enter()
    const sockets = await Promise.all(
      Array.from({ length: 10 }, () => signedInSocket(service.url, access_token)),
    )
    await startEnding(service)
    expect(await sockets[0]?.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    const ends = await Promise.all(sockets.map((socket) => socket.closed()))
    expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([1001]))
    const waits = ends.map(({ reason }) => Number(/^goingAway, retry in (\d+) ms$/.exec(reason)?.[1]))
    for (const wait of waits) expect(wait).toBeWithin(1, 10_001)
    expect(new Set(waits).size).toBeGreaterThan(5)
    expect(await service.end('SIGCONT')).toBe(0)
  })

  test('at the end of the delay a request is refused, and a probe is not', async () => {
    const service = await place.serve({ SHUTDOWN_DELAY: '1ms' })
    const { call } = createClient(service.url)
    // Requests keep it listening for a second at most.
    const refused: Awaited<ReturnType<typeof call>>[] = []
    process.kill(service.pid, 'SIGTERM')
    let live: number | null = null
    try {
      for (;;) {
        const answer = await call('GET /nowhere')
        if (answer.status === 503) refused.push(answer)
        if (answer.status === 503) live ??= (await call('GET /livez')).status
      }
    } catch {
      // It no longer listens.
    }
    expect(refused.length).toBeGreaterThan(1)
    expect(refused[0]?.body).toMatchObject({ code: 'shutting_down', status: 503 })
    expect([refused[0]?.headers.get('retry-after'), refused[0]?.headers.get('connection'), live]).toEqual([
      '1',
      'close',
      200,
    ])
    expect(await service.end('SIGCONT')).toBe(0)
  })
})

describe('the end', () => {
  test('takes no longer than the delay when no work is in flight', async () => {
    const service = await place.serve({ SHUTDOWN_DELAY: '1ms' })
    const idle = await openWire(service.url)
    idle.ask('/livez')
    await idle.until('"ok"}')
    const startedAt = performance.now()
    expect(await service.end('SIGTERM')).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(await idle.closed()).toMatchObject({ hasEnded: true, error: null })
    expect(service.lines.at(-1)?.event).toBe('service.stopped')
  })

  test('comes at SHUTDOWN_TIMEOUT with 1, even with work in flight', async () => {
    const service = await place.serve({ ...slowHash, ARGON2_TIME: '100', SHUTDOWN_TIMEOUT: '600ms' })
    const { call, newEmail } = createClient(service.url)
    const body = { email: newEmail(), password: 'a quiet green lantern' }
    const answers = Array.from({ length: 8 }, () =>
      call('POST /api/v1/auth/register', { body }).then(
        ({ status }) => status,
        () => 'cut',
      ),
    )
    await Bun.sleep(200)
    const startedAt = performance.now()
    expect(await service.end('SIGTERM')).toBe(1)
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect(await Promise.all(answers)).toContain('cut')
    expect(service.lines.at(-1)?.event).toBe('service.stop_timed_out')
  })

  test('comes at once with a second signal, and 1', async () => {
    const service = await place.serve({ SHUTDOWN_DELAY: '10s' })
    await startEnding(service)
    // A signal within half a second counts as a repetition of the first.
    await Bun.sleep(700)
    const startedAt = performance.now()
    expect(await service.end('SIGTERM')).toBe(1)
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})
