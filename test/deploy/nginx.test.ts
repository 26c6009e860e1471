import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { times } from '../support/many-sockets'
import { hasNginx, startNginx } from '../support/nginx'
import { freePort } from '../support/ports'
import { type Service, startTestService } from '../support/service'
import { openSocket } from '../support/socket'
import { jsonRequest, sendFrom } from '../support/tls'

type Nginx = Awaited<ReturnType<typeof startNginx>>

const behind = { TRUSTED_PROXIES: '127.0.0.1/32', RATE_LIMIT: 'on' }
const portOf = ({ url }: { url: string }) => Number(new URL(url).port)
const login = 'POST /api/v1/auth/login'

// The tests of the examples need nginx, which CI installs.
describe.skipIf(!hasNginx && !Bun.env['CI'])('docs/deploy/nginx.conf', () => {
  let one: Service
  let other: Service | null = null
  let nginx: Nginx
  let client: ReturnType<typeof createClient>
  let ports: [number, number]
  beforeAll(async () => {
    one = await startTestService(behind)
    // Two instances need a shared database. On the embedded one, the second instance is down.
    if (serverUrl) other = await startTestService(behind, { beside: one })
    ports = [portOf(one), other ? portOf(other) : freePort()]
    nginx = await startNginx(ports)
    client = createClient(nginx.url, nginx)
  })
  afterAll(async () => {
    for (const secret of client.secrets) one.secrets.add(secret)
    await nginx.stop()
    await other?.stop()
    await one.stop()
  })
  const from = (localAddress: string) => ({ url: nginx.url, ca: nginx.ca, localAddress })
  const socket = (token: string) => openSocket(nginx.url, { token, ca: nginx.ca })

  test('passes nginx -t', () => {
    expect(nginx.checked).toContain('test is successful')
    expect(nginx.checked).not.toContain('[warn]')
  })

  test('serves over TLS, with Strict-Transport-Security for a year', async () => {
    const { status, headers } = await client.call('GET /readyz')
    expect(status).toBe(200)
    expect(headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains')
    expect(headers.get('server')).toBe('nginx')
  })

  test('redirects plain HTTP to TLS, and serves nothing over it', async () => {
    const answer = await fetch(`${nginx.plainUrl}/livez?a=b`, { redirect: 'manual' })
    expect([answer.status, answer.headers.get('location')]).toEqual([
      308,
      'https://api.example.com/livez?a=b',
    ])
    expect(answer.headers.get('strict-transport-security')).toBeNull()
  })

  test('errors of the service pass through unchanged', async () => {
    const { status, headers, body } = await client.call(login, {
      body: { email: 'a@example.com', password: 'x' },
    })
    expect([status, body.code]).toEqual([401, 'invalid_credentials'])
    expect(headers.get('content-type')).toBe('application/problem+json')
    const tooLarge = await client.call(login, { body: { email: 'a'.repeat(70_000), password: 'x' } })
    expect([tooLarge.status, tooLarge.body.code]).toEqual([413, 'payload_too_large'])
  })

  const forged = {
    'X-Forwarded-For': '203.0.113.9',
    'X-Forwarded-Proto': 'http',
    'X-Real-IP': '203.0.113.9',
    Forwarded: 'for=203.0.113.9;proto=http',
  }

  test('the service sees the address of the client, which its headers cannot change', async () => {
    const { id, email, password } = await client.register()
    const request = jsonRequest(login, { email, password }, forged)
    const { status, head } = await sendFrom(from('127.0.0.7'), request)
    expect(status).toBe(200)
    expect(head.toLowerCase()).toContain('strict-transport-security')
    const kept = await one.sql`select ip from sessions where user_id = ${id}`
    const events =
      await one.sql`select ip from audit_events where target_id = ${id} and type = 'sign_in.succeeded'`
    expect([kept[0]?.['ip'], events[0]?.['ip']]).toEqual(['127.0.0.7', '127.0.0.7'])
  })

  test('limits count the real address, and their response passes through with Retry-After', async () => {
    const signIn = async (localAddress: string, at: number) => {
      const credentials = { email: `nobody${at}@example.com`, password: 'kq3vzw9x' }
      const claimed = { 'X-Forwarded-For': `198.51.100.${at}` }
      return await sendFrom(from(localAddress), jsonRequest(login, credentials, claimed))
    }
    const answers = await times(25, (at) => signIn('127.0.0.8', at))
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.head).toMatch(/\r\nretry-after: \d+\r\n/i)
    expect(refused?.body).toContain('"code":"rate_limited"')
    expect((await signIn('127.0.0.9', 99)).status).toBe(401)
  })

  test('requests succeed while one instance is down', async () => {
    const alone = await startNginx([ports[0], freePort()])
    try {
      const { call, newEmail } = createClient(alone.url, alone)
      const body = { email: newEmail(), password: 'kq3vzw9x' }
      const read = await times(20, () => call('GET /livez'))
      const written = await times(6, () =>
        call('POST /api/v1/auth/refresh', { body: { refresh_token: 'x' } }),
      )
      expect(read.map(({ status }) => status)).toEqual(Array(20).fill(200))
      expect(written.map(({ status }) => status)).toEqual(Array(6).fill(401))
      expect((await call(login, { body })).status).toBeOneOf([401, 429])
    } finally {
      await alone.stop()
    }
  })

  describe.skipIf(!serverUrl)('two instances', () => {
    test('a session works on both', async () => {
      const user = await client.enter()
      let pair = { access_token: user.access_token, refresh_token: user.refresh_token }
      for (let round = 0; round < 6; round++) {
        const { status, body } = await client.refresh(pair.refresh_token)
        expect(status).toBe(200)
        pair = body
        expect((await client.me(pair.access_token)).status).toBe(200)
      }
      for (const instance of [one, other])
        expect(
          instance?.lines.filter(({ route }) => route === '/api/v1/auth/refresh').length,
        ).toBeGreaterThan(0)
    })

    test('sockets receive messages from both', async () => {
      const { access_token: token } = await client.enter()
      const listeners = await times(4, () => socket(token))
      const channel = `room:${crypto.randomUUID().slice(0, 8)}`
      for (const listener of listeners) await listener.ask({ type: 'subscribe', channel })
      for (const [data, instance] of [one, other].entries())
        await instance?.call(`POST /api/v1/channels/${channel}/messages`, { token, body: { data } })
      for (const listener of listeners)
        expect((await listener.many('message', 2)).map(({ data }) => data)).toEqual([0, 1])
      for (const listener of listeners) await listener.close()
    })
  })
})
