import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:tls'
import { hasCaddy, startCaddy } from '../support/caddy'
import { createClient } from '../support/client'
import { times } from '../support/many-sockets'
import { hasNginx, startNginx } from '../support/nginx'
import { type Service, startTestService } from '../support/service'
import { sendFrom } from '../support/tls'

type Proxy = { url: string; ca: string; stop(): Promise<void> }

const proxies = [
  ['nginx', hasNginx, startNginx],
  ['Caddy', hasCaddy, startCaddy],
] as const

const attackMilliseconds = 14_000
const maxMilliseconds = 1900

const attacks: Record<string, Attack> = {
  'a method that nobody knows': {
    connections: 20,
    first: 'FOO / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    drip: '',
  },
  'a body that comes byte by byte': {
    connections: 24,
    first:
      'POST /api/v1/auth/login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
      'Content-Length: 5000\r\n\r\n{',
    drip: ' ',
  },
}

// A proxy that counts failures takes an instance out of service, so one client could shut out all others.
describe.each(proxies)('behind the example for %s', (_, isInstalled, start) => {
  describe.skipIf(!isInstalled && !Bun.env['CI'])('a client that sends', () => {
    let service: Service
    let proxy: Proxy
    beforeAll(async () => {
      service = await startTestService({ TRUSTED_PROXIES: '127.0.0.1/32' })
      const port = Number(new URL(service.url).port)
      proxy = await start([port, port])
    })
    afterAll(async () => {
      await proxy.stop()
      await service.stop()
    })

    test('an unknown method gets 405', async () => {
      const local = { url: proxy.url, ca: proxy.ca, localAddress: '127.0.0.5' }
      const { status, head, body } = await sendFrom(local, [
        'FOO /livez HTTP/1.1',
        'Connection: close',
        '',
        '',
      ])
      expect(status).toBe(405)
      expect(head).toMatch(/content-type: application\/problem\+json/i)
      expect(head).toMatch(/allow: GET, HEAD, POST/i)
      expect(JSON.parse(body)).toEqual({ type: 'about:blank', title: 'Method not allowed', status: 405 })
    })

    test.each(Object.entries(attacks))(
      '%s changes no response of other clients',
      async (_, attack) => {
        const attacker = startAttack(proxy, attack)
        const { access_token: token } = await service.enter()
        const end = performance.now() + attackMilliseconds
        const outcomes = (await times(4, () => callUntil(end, () => readAndWrite(proxy, token)))).flat()
        await attacker.stop()
        expect(outcomes.length).toBeGreaterThan(100)
        const isAsAlways = ({ status }: Outcome) => status === 200 || status === 401
        expect(outcomes.filter((outcome) => !isAsAlways(outcome))).toEqual([])
        // A proxy does not use a failed instance for two seconds.
        expect(outcomes.filter(({ milliseconds }) => milliseconds > maxMilliseconds)).toEqual([])
      },
      60_000,
    )
  })
})

async function readAndWrite(proxy: Proxy, token: string): Promise<Outcome[]> {
  const { call } = createClient(proxy.url, proxy)
  const timed = async (work: () => ReturnType<typeof call>) => {
    const startedAt = performance.now()
    const { status } = await work()
    return { status, milliseconds: performance.now() - startedAt }
  }
  return [
    await timed(() => call('GET /api/v1/users/me', { token })),
    await timed(() => call('POST /api/v1/auth/refresh', { body: { refresh_token: 'x' } })),
  ]
}

type Outcome = { status: number; milliseconds: number }

async function callUntil(end: number, work: () => Promise<Outcome[]>): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  while (performance.now() < end) {
    outcomes.push(...(await work()))
    await Bun.sleep(50)
  }
  return outcomes
}

type Attack = { connections: number; first: string; drip: string }

/** Keeps connections open that send `first` and then `drip` every second. Closed ones are reopened. */
function startAttack({ url, ca }: Proxy, { connections, first, drip }: Attack) {
  const address = { host: new URL(url).hostname, port: Number(new URL(url).port), ca }
  let isOver = false
  const run = async () => {
    while (!isOver) {
      const { promise: ended, resolve } = Promise.withResolvers<void>()
      const socket = connect(address, () => socket.write(first))
      const timer = setInterval(
        () => (isOver ? socket.destroy() : socket.writable && socket.write(drip)),
        1000,
      )
      socket.resume()
      for (const event of ['end', 'error', 'close']) socket.on(event, () => resolve())
      await ended
      clearInterval(timer)
      socket.destroy()
      await Bun.sleep(100)
    }
  }
  const running = times(connections, run)
  return {
    async stop() {
      isOver = true
      await running
    },
  }
}
