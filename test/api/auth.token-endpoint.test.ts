import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { fail } from '../../src/core/errors'
import { countingHashes, from, limited, newAddress, statuses, times } from '../support/many-sockets'
import { useService } from '../support/service'

const service = useService(limited)

type Fields = Record<string, string> | [string, string][] | string
type Headers = Record<string, string>
const form = 'application/x-www-form-urlencoded'
const request = (fields: Fields, headers: Headers = {}, path = '/api/v1/auth/token') =>
  service.call(`POST ${path}`, {
    body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
    headers: { 'content-type': form, ...from(newAddress()), ...headers },
  })
const enter = async () => {
  const user = { email: service.newEmail(), password: 'p+a&s=s %wörd 🦜 lantern' }
  const headers = from(newAddress())
  expect((await service.call('POST /api/v1/auth/register', { body: user, headers })).status).toBe(201)
  return user
}
const byPassword = ({ email, password }: { email: string; password: string }) => ({
  grant_type: 'password',
  username: email,
  password,
})
const remember = (pair: { access_token: string; refresh_token: string }) => {
  for (const token of [pair.access_token, pair.refresh_token]) service.secrets.add(token)
}

const errorShape = { error: expect.any(String), error_description: expect.stringMatching(/^[ !#-[\]-~]+$/) }
function expectError(answer: Awaited<ReturnType<typeof request>>, status: number, error: string) {
  expect(answer.body).toEqual({ ...errorShape, error })
  expect(answer.status).toBe(status)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json\b/)
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect(answer.headers.get('pragma')).toBe('no-cache')
}

describe('POST /api/v1/auth/token refuses', () => {
  const wrong = 'kq3vzw9x'
  test.each<[string, Fields, string]>([
    ['no parameter', {}, 'invalid_request'],
    ['no grant_type', { username: 'a@example.com', password: wrong }, 'invalid_request'],
    ['an empty grant_type', { grant_type: '' }, 'invalid_request'],
    ['another grant_type', { grant_type: 'client_credentials' }, 'unsupported_grant_type'],
    ['the name of something in an object', { grant_type: 'constructor' }, 'unsupported_grant_type'],
    ['a scope', 'grant_type=password&username=a&password=b&scope=openid', 'invalid_scope'],
    ['a blank scope', 'grant_type=password&username=a&password=b&scope=+', 'invalid_scope'],
    [
      'a scope of any length',
      { grant_type: 'refresh_token', refresh_token: 'a.b.c', scope: 'x '.repeat(9000) },
      'invalid_scope',
    ],
    ['another grant_type, with a scope', { grant_type: 'x', scope: 'openid' }, 'unsupported_grant_type'],
    ['no username', { grant_type: 'password', password: wrong }, 'invalid_request'],
    ['no password', { grant_type: 'password', username: 'a@example.com' }, 'invalid_request'],
    [
      'an empty password',
      { grant_type: 'password', username: 'a@example.com', password: '' },
      'invalid_request',
    ],
    ['no refresh_token', { grant_type: 'refresh_token' }, 'invalid_request'],
    [
      'a repeated parameter',
      `grant_type=password&username=a&password=${wrong}&username=a`,
      'invalid_request',
    ],
    ['a repeated grant_type', 'grant_type=password&grant_type=password', 'invalid_request'],
    [
      'a repeated parameter that it does not know',
      `grant_type=password&username=a&password=${wrong}&client_id=x&client_id=x`,
      'invalid_request',
    ],
    [
      'a parameter repeated without a value',
      `grant_type=password&username=a&password=${wrong}&scope=&scope=`,
      'invalid_request',
    ],
    ['bytes that are no UTF-8', `grant_type=password&username=%ff&password=${wrong}`, 'invalid_request'],
    ['half a percent-encoding', `grant_type=password&username=%e&password=${wrong}`, 'invalid_request'],
    ['a NUL', `grant_type=password&username=a%00&password=${wrong}`, 'invalid_request'],
    ['more than 64 KiB', `grant_type=password&x=${'x'.repeat(65_536)}`, 'invalid_request'],
    [
      'an endless username',
      { grant_type: 'password', username: 'a'.repeat(400), password: wrong },
      'invalid_request',
    ],
    [
      'an unknown account',
      { grant_type: 'password', username: 'a@example.com', password: wrong },
      'invalid_grant',
    ],
    ['a forged refresh token', { grant_type: 'refresh_token', refresh_token: 'a.b.c' }, 'invalid_grant'],
  ])('%s', async (_, fields, error) => {
    expectError(await request(fields), 400, error)
  })

  test('a wrong password', async () => {
    const { email } = await enter()
    expectError(await request(byPassword({ email, password: wrong })), 400, 'invalid_grant')
  })

  test('parameters in the address, which logs would keep', async () => {
    const query = new URLSearchParams(byPassword({ email: 'a@example.com', password: wrong }))
    expectError(await request('', {}, `/api/v1/auth/token?${query}`), 400, 'invalid_request')
  })

  test.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', `${form}; charset=utf-16`])(
    'a body of type %s',
    async (type) => {
      const answer = await request('{"grant_type":"password"}', { 'content-type': type })
      expectError(answer, 400, 'invalid_request')
    },
  )

  test('a refresh token that was used, and ends its session', async () => {
    const { body: pair } = await request(byPassword(await enter()))
    const next = await request({ grant_type: 'refresh_token', refresh_token: pair.refresh_token })
    expect(next.status).toBe(200)
    service.clock.advance(11)
    const reuse = await request({ grant_type: 'refresh_token', refresh_token: pair.refresh_token })
    expectError(reuse, 400, 'invalid_grant')
    expect((await service.me(next.body.access_token)).status).toBe(401)
  })

  test('other methods, as every route does', async () => {
    const { status, body, headers } = await service.call('GET /api/v1/auth/token', {
      headers: from(newAddress()),
    })
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'method_not_allowed', 'POST'])
  })

  test('with the status of trouble that is not the client’s, and when to come back', async () => {
    const { verify } = service.deps.passwords
    service.deps.passwords.verify = () => Promise.reject(fail('overloaded'))
    const answer = await request(byPassword({ email: 'a@example.com', password: wrong }))
    service.deps.passwords.verify = verify
    expectError(answer, 503, 'temporarily_unavailable')
    expect(answer.headers.get('retry-after')).toBe('2')
  })
})

describe('POST /api/v1/auth/token', () => {
  test('signs in with e-mail and password', async () => {
    const user = await enter()
    const { status, headers, body } = await request(byPassword(user))
    remember(body)
    expect(status).toBe(200)
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 900,
      refresh_token: expect.any(String),
      refresh_expires_in: 604_800,
    })
    expect(headers.get('content-type')).toStartWith('application/json')
    expect([headers.get('cache-control'), headers.get('pragma')]).toEqual(['no-store', 'no-cache'])
    expect((await service.me(body.access_token)).body.email).toBe(user.email)
  })

  test('refreshes within the session', async () => {
    const { body: pair } = await request(byPassword(await enter()))
    const { status, body } = await request({ grant_type: 'refresh_token', refresh_token: pair.refresh_token })
    expect(status).toBe(200)
    expect(decodeJwt(body.access_token)['sid']).toBe(decodeJwt(pair.access_token)['sid'])
  })

  test('ignores what it does not know, and who the client says it is', async () => {
    const fields = [...Object.entries(byPassword(await enter()))]
    const unknown = [
      'scope=',
      'client_id=x',
      'client_secret=x',
      'resource=a',
      'resource=b',
      '__proto__=x',
      'x',
      '=',
    ]
    const body = `${new URLSearchParams(fields)}&${unknown.join('&')}`
    for (const authorization of ['Basic Og==', 'Basic eDp4', 'Bearer x'])
      expect((await request(body, { authorization })).status).toBe(200)
  })

  test.each([`${form};charset=UTF-8`, 'Application/X-WWW-Form-Urlencoded', `${form}; charset="utf-8"`])(
    'reads %s',
    async (type) => {
      expect((await request(byPassword(await enter()), { 'content-type': type })).status).toBe(200)
    },
  )

  test('is the only route that takes a form', async () => {
    const { email, password } = await enter()
    const body = new URLSearchParams({ email, password }).toString()
    const headers = { 'content-type': form, ...from(newAddress()) }
    expect((await service.call('POST /api/v1/auth/login', { body, headers })).status).toBe(415)
  })

  test('shares the limit of the address with login', async () => {
    const address = newAddress()
    const headers = from(address)
    const body = { email: 'a@example.com', password: 'kq3vzw9x' }
    await times(6, () =>
      service.call('POST /api/v1/auth/login', { body: { ...body, email: service.newEmail() }, headers }),
    )
    const answers = await times(6, () => request(byPassword({ ...body, email: service.newEmail() }), headers))
    expect(statuses(answers)).toEqual({ 400: 4, 429: 2 })
    const refused = await request({}, headers)
    expectError(refused, 429, 'temporarily_unavailable')
    expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
    expect(refused.headers.get('ratelimit-policy')).toBe('"login";q=10;w=60')
    expectError(await request({}, headers, '/api/v1/auth/token/'), 429, 'temporarily_unavailable')
  })

  test('shares the limit of the account with login', async () => {
    const { email, password } = await enter()
    const hashes = await countingHashes(service, async () => {
      await times(20, () => request(byPassword({ email, password: 'kq3vzw9x' })))
    })
    expect(hashes).toBe(5)
    const refused = await request(byPassword({ email, password }))
    expectError(refused, 429, 'temporarily_unavailable')
    expect(refused.headers.get('ratelimit-policy')).toBe('"account";q=5;w=900')
    const headers = from(newAddress())
    const login = await service.call('POST /api/v1/auth/login', { body: { email, password }, headers })
    expect(login.status).toBe(429)
  })

  test('refused for all requests of an address answers in its own way too', async () => {
    const headers = from(newAddress())
    await times(300, () => service.call('GET /nowhere', { headers }))
    const refused = await request({}, headers)
    expectError(refused, 429, 'temporarily_unavailable')
    expect(refused.headers.get('ratelimit-policy')).toBe('"default";q=300;w=10')
  })
})

describe('the OpenAPI document', () => {
  test('names every error of the token endpoint', async () => {
    const { body } = await service.call('GET /docs/openapi.json', { headers: from(newAddress()) })
    expect(body.components.schemas.TokenError.properties.error.enum).toEqual([
      'invalid_request',
      'invalid_grant',
      'unsupported_grant_type',
      'invalid_scope',
      'temporarily_unavailable',
      'server_error',
    ])
  })

  test('lets Swagger UI sign in at the token endpoint and use the token everywhere', async () => {
    const { body } = await service.call('GET /docs/openapi.json', { headers: from(newAddress()) })
    const { oauth2 } = body.components.securitySchemes
    expect(oauth2.flows).toEqual({
      password: { tokenUrl: '/api/v1/auth/token', refreshUrl: '/api/v1/auth/token', scopes: {} },
    })
    const { post } = body.paths['/api/v1/auth/token']
    expect(Object.keys(post.requestBody.content)).toEqual([form])
    expect(body.paths['/api/v1/users/me'].get.security).toEqual([{ bearer: [] }, { oauth2: [] }])
  })

  test('tells of 429 at every operation but the probes', async () => {
    const { body } = await service.call('GET /docs/openapi.json', { headers: from(newAddress()) })
    const free = Object.entries<Record<string, { responses: object }>>(body.paths).flatMap(
      ([path, operations]) =>
        Object.values(operations).flatMap(({ responses }) => ('429' in responses ? [] : [path])),
    )
    expect(free).toEqual(['/livez', '/readyz'])
  })
})
