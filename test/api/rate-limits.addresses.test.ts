import { describe, expect, test } from 'bun:test'
import { countingHashes, from, limited, newAddress, statuses, times } from '../support/many-sockets'
import { sendRaw } from '../support/raw'
import { startTestService, useService } from '../support/service'

const service = useService(limited)

const body = { email: 'nobody@example.com', password: 'kq3vzw9x' }
const login = (address: string, email = service.newEmail()) =>
  service.call('POST /api/v1/auth/login', { body: { ...body, email }, headers: from(address) })
describe('POST /api/v1/auth/login from one address', () => {
  test('is refused after 10 in a minute, and open again when it has passed', async () => {
    const address = newAddress()
    for (let left = 9; left >= 0; left--) {
      const { status, headers } = await login(address)
      expect(status).toBe(401)
      expect(headers.get('ratelimit-policy')).toBe('"login";q=10;w=60')
      expect(headers.get('ratelimit')).toMatch(new RegExp(`^"login";r=${left};t=(60|5\\d)$`))
    }
    service.clock.advance(30)
    const { status, headers, body } = await login(address)
    expect([status, body.code]).toEqual([429, 'rate_limited'])
    expect(Number(headers.get('retry-after'))).toBeWithin(28, 31)
    expect(headers.get('ratelimit-policy')).toBe('"login";q=10;w=60')
    expect(headers.get('ratelimit')).toBe(`"login";r=0;t=${headers.get('retry-after')}`)
    service.clock.advance(Number(headers.get('retry-after')))
    expect((await login(address)).status).toBe(401)
  })

  test('computes 10 hashes for 200 at once', async () => {
    const address = newAddress()
    const hashes = await countingHashes(service, async () => {
      expect(statuses(await times(200, () => login(address)))).toEqual({ 401: 10, 429: 190 })
    })
    expect(hashes).toBe(10)
  })

  test('is refused before the body is read', async () => {
    const address = newAddress()
    await times(10, () => login(address))
    const head = ['POST /api/v1/auth/login HTTP/1.1', 'Host: a', `X-Forwarded-For: ${address}`]
    const request = [...head, 'Content-Type: text/nonsense', 'Content-Length: 60000', '', ''].join('\r\n')
    const answer = await sendRaw(service.url, request, (text) => text.includes('rate_limited'))
    expect(answer).toStartWith('HTTP/1.1 429 ')
  })

  test('is refused under every spelling of the path that leads there', async () => {
    const address = newAddress()
    await times(10, () => login(address))
    const json = JSON.stringify(body)
    const post = async (path: string) => {
      const head = [`POST ${path} HTTP/1.1`, 'Host: a', `X-Forwarded-For: ${address}`, 'Connection: close']
      const rest = ['Content-Type: application/json', `Content-Length: ${json.length}`, '', json]
      return Number((await sendRaw(service.url, [...head, ...rest].join('\r\n'))).split(' ')[1])
    }
    const leading = ['login', 'login/', 'login?a=b', '../auth/login', './login', 'x/%2e%2e/login']
    for (const path of leading) expect([path, await post(`/api/v1/auth/${path}`)]).toEqual([path, 429])
    const others = ['%6cogin', '/login', 'LOGIN', 'login;x', 'login%2f', 'login%3f', 'login%00', 'login//']
    for (const path of others) expect([path, await post(`/api/v1/auth/${path}`)]).toEqual([path, 404])
    expect(await post('//api/v1/auth/login')).toBe(404)
    expect(await post('http://b/api/v1/auth/login')).toBe(429)
  })

  test.each(['', '[', 'a b'])('%p for a host leads around no limit', async (host) => {
    const query = 'cursor=//h/livez'
    for (const path of ['/api/v1/users', '/aaaaaa/api/v1/users']) {
      const head = [`GET ${path}?${query} HTTP/1.1`, `Host: ${host}`, `X-Forwarded-For: ${newAddress()}`]
      const answer = await sendRaw(service.url, [...head, 'Connection: close', '', ''].join('\r\n'))
      expect(answer).toMatch(/^ratelimit: "default";r=299;/im)
    }
    const probe = `GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    expect(await sendRaw(service.url, probe)).not.toMatch(/^ratelimit/im)
  })

  test('leaves one event in the log and the table for a window, whatever comes', async () => {
    const address = newAddress()
    await times(60, () => login(address))
    service.clock.advance(61)
    await times(60, () => login(address))
    const limited = () =>
      service.lines.filter((line) => line.event === 'sign_in.limited' && line['ip'] === address)
    const kept = () =>
      service.sql`select type, details from audit_events where ip = ${address} and type = 'sign_in.limited'`
    while (limited().length < 2) await Bun.sleep(5)
    expect(limited()).toHaveLength(2)
    expect((await kept()).map(({ details }) => details)).toEqual([{ limit: 'login' }, { limit: 'login' }])
  })
})

describe('an address', () => {
  test('is one by its /64', async () => {
    const network = '2001:db8:1:7'
    const answers = await times(20, (at) => login(`${network}:${at}::${at}`))
    expect(statuses(answers)).toEqual({ 401: 10, 429: 10 })
    expect((await login('2001:db8:1:8::1')).status).toBe(401)
  })

  test('of IPv4 is one in every spelling', async () => {
    const address = newAddress()
    const answers = await times(20, (at) => login(at % 2 ? address : `::ffff:${address}`))
    expect(statuses(answers)).toEqual({ 401: 10, 429: 10 })
  })

  test('is not what stands left of the one the proxy saw', async () => {
    const address = newAddress()
    const answers = await times(20, (at) => login(`203.0.113.${at}, ${address}`))
    expect(statuses(answers)).toEqual({ 401: 10, 429: 10 })
  })

  test('is not chosen by a client whom nobody trusts', async () => {
    const direct = await startTestService({ RATE_LIMIT: 'on' })
    const answers = await times(20, (at) =>
      direct.call('POST /api/v1/auth/login', { body, headers: from(`203.0.113.${at}`) }),
    )
    await direct.stop()
    // One account, too: 5 failures.
    expect(statuses(answers)).toEqual({ 401: 5, 429: 15 })
  })
})

describe('POST /api/v1/auth/register from one address', () => {
  test('is refused after 10 in an hour', async () => {
    const headers = from(newAddress())
    const register = () =>
      service.call('POST /api/v1/auth/register', {
        body: { email: service.newEmail(), password: 'x' },
        headers,
      })
    expect(statuses(await times(12, register))).toEqual({ 422: 10, 429: 2 })
    service.clock.advance(3590)
    expect((await register()).headers.get('ratelimit-policy')).toBe('"register";q=10;w=3600')
    service.clock.advance(11)
    expect((await register()).status).toBe(422)
  })
})

describe('every other route from one address', () => {
  test.each([
    'GET /api/v1/users/me',
    'GET /nowhere',
    'GET /nowhere?/livez',
    'GET /nowhere#/livez',
    'OPTIONS /api/v1/users/me',
    'PUT /api/v1/auth/login',
    'GET /docs/openapi.json',
  ])('is refused after 300 in 10 s: %s', async (route) => {
    const headers = from(newAddress())
    const ask = () => service.call(route, { headers })
    const answers = await times(300, ask)
    expect(answers.filter(({ status }) => status === 429)).toEqual([])
    const { status, headers: told } = await ask()
    expect([status, told.get('ratelimit-policy')]).toEqual([429, '"default";q=300;w=10'])
    expect(Number(told.get('retry-after'))).toBeWithin(1, 11)
    service.clock.advance(10)
    expect((await ask()).headers.get('ratelimit')).toMatch(/^"default";r=299;t=10$/)
  })

  test('is told to pages of other origins too', async () => {
    const origin = 'https://app.example.com'
    const open = await startTestService({ ...limited, CORS_ORIGINS: origin })
    const headers = { ...from(newAddress()), origin }
    const answers = await times(301, () => open.call('GET /nowhere', { headers }))
    await open.stop()
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.headers.get('access-control-allow-origin')).toBe(origin)
    expect(refused?.headers.get('access-control-expose-headers')).toContain('Retry-After')
    expect(refused?.headers.get('x-frame-options')).toBe('DENY')
  })

  test('counts them together', async () => {
    const headers = from(newAddress())
    await times(150, () => service.call('GET /nowhere', { headers }))
    await times(150, () => service.call('GET /api/v1/users/me', { headers }))
    expect((await service.call('GET /', { headers })).status).toBe(429)
  })

  test('leaves the probes alone', async () => {
    const headers = from(newAddress())
    for (const path of ['/livez', '/readyz', '/livez?']) {
      const answers = await times(320, () => fetch(service.url + path, { headers }))
      expect(statuses(answers)).toEqual({ 200: 320 })
      expect(answers[0]?.headers.has('ratelimit')).toBe(false)
    }
  })
})

describe('RATE_LIMIT=off', () => {
  test('refuses nothing and tells of no limit', async () => {
    const free = await startTestService()
    const answers = await times(320, () => free.call('GET /nowhere'))
    expect(statuses(answers)).toEqual({ 404: 320 })
    expect(answers[0]?.headers.has('ratelimit-policy')).toBe(false)
    await free.stop()
  })
})
