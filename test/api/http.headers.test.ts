import { describe, expect, test } from 'bun:test'
import { sendRaw } from '../support/raw'
import { type Service, startTestService, useService } from '../support/service'
import { shakeHands } from '../support/socket'

const service = useService()

const security = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': expect.stringContaining("default-src 'none'"),
  'cache-control': 'no-store',
}
const overTls = { 'x-forwarded-proto': 'https' }

describe('every kind of answer', () => {
  test.each<[string, number, Parameters<Service['call']>[1]]>([
    ['GET /livez', 200, {}],
    ['GET /readyz', 200, {}],
    ['GET /nowhere', 404, {}],
    ['POST /livez', 405, { body: {} }],
    ['OPTIONS /livez', 405, {}],
    ['GET /api/v1/users/me', 401, {}],
    ['GET /api/v1/users/me', 401, { token: 'x' }],
    ['POST /api/v1/auth/login', 400, { body: '{' }],
    ['POST /api/v1/auth/login', 401, { body: '{"email":"a@b.co","password":"kq3vzw9x"}' }],
    ['POST /api/v1/auth/login', 413, { body: ' '.repeat(70_000) }],
    ['POST /api/v1/auth/login', 415, { body: '{}', headers: { 'content-type': 'text/plain' } }],
    ['POST /api/v1/auth/login', 422, { body: '{}' }],
    ['GET /livez?unknown=1', 422, {}],
  ])('%s (%d) has the security headers and a request id, and no HSTS', async (route, status, options) => {
    const answer = await service.call(route, { ...options, headers: { ...options?.headers, ...overTls } })
    expect(answer.status).toBe(status)
    expect(answer.headers.toJSON()).toMatchObject(security)
    expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer.headers.has('strict-transport-security')).toBe(false)
    expect(answer.headers.has('server')).toBe(false)
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    if (status >= 400) expect(answer.headers.get('content-type')).toBe('application/problem+json')
    if (status >= 400) expect(answer.body.request_id).toBe(answer.headers.get('x-request-id'))
  })

  test('201, 204 and an internal error have them too', async () => {
    const broken = await service.enter()
    const registered = await service.call('POST /api/v1/auth/register', {
      body: { email: service.newEmail(), password: 'kq3vzw9xkq3vzw9x' },
    })
    const ended = await service.call('POST /api/v1/auth/logout', { token: broken.access_token })
    await service.sql`alter table sessions rename to elsewhere`
    const failed = await service.me(broken.access_token)
    await service.sql`alter table elsewhere rename to sessions`
    expect([registered, ended, failed].map(({ status }) => status)).toEqual([201, 204, 500])
    for (const { headers } of [registered, ended, failed]) expect(headers.toJSON()).toMatchObject(security)
  })
})

describe('101', () => {
  test('has them too, and the request id that was given', async () => {
    const { status, headers } = await shakeHands(service.url, { headers: { 'x-request-id': 'one' } })
    expect(status).toBe(101)
    expect(headers.toJSON()).toMatchObject({ ...security, 'x-request-id': 'one' })
    expect(headers.has('strict-transport-security')).toBe(false)
  })
})

describe('HSTS', () => {
  test('is sent when a trusted proxy says that the request came over TLS', async () => {
    const behind = await startTestService({ TRUSTED_PROXIES: '127.0.0.0/8' })
    const hstsFor = async (proto: string | null, route = 'GET /livez') => {
      const headers = proto === null ? {} : { 'x-forwarded-proto': proto }
      return (await behind.call(route, { headers })).headers.get('strict-transport-security')
    }
    expect(await hstsFor('https')).toBe('max-age=31536000; includeSubDomains')
    expect(await hstsFor('http, HTTPS')).not.toBeNull()
    expect(await hstsFor('https', 'GET /nowhere')).not.toBeNull()
    for (const proto of ['http', 'https, http', 'wss', '', null]) expect(await hstsFor(proto)).toBeNull()
    const handshake = await shakeHands(behind.url, { headers: overTls })
    expect(handshake.headers.has('strict-transport-security')).toBe(true)
    await behind.stop()
  })
})

describe('X-Request-Id', () => {
  const idFor = async (given: string) =>
    (await service.call('GET /nowhere', { headers: { 'x-request-id': given } })).headers.get('x-request-id')

  test.each(['a', 'Trace-1_2.3', 'x'.repeat(128), '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'])(
    '%s is kept',
    async (id) => {
      expect(await idFor(id)).toBe(id)
    },
  )

  test.each(['a b', 'a/b', 'é', '{"a":1}', '<script>', 'x'.repeat(129), '../../etc', 'a,b', '%0a'])(
    '%s is replaced',
    async (id) => {
      expect(await idFor(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}$/)
    },
  )

  test('two of them are none', async () => {
    const answer = await sendRaw(
      service.url,
      'GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: one\r\nX-Request-Id: two\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toMatch(/x-request-id: [0-9a-f-]{36}\r\n/i)
  })

  test('is another one for each request', async () => {
    const ids = await Promise.all(Array.from({ length: 50 }, () => idFor('')))
    expect(new Set(ids).size).toBe(50)
  })
})
