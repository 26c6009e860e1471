import { beforeAll, describe, expect, test } from 'bun:test'
import { encode, forge, keyFor, kidOf, type Parts, partsOf } from '../support/forge-token'
import { sendRaw } from '../support/raw'
import { type Service, useService } from '../support/service'

const service = useService()
let victim: Awaited<ReturnType<Service['enter']>>
let other: Awaited<ReturnType<Service['enter']>>
beforeAll(async () => {
  victim = await service.enter()
  other = await service.enter()
})

const now = () => Math.floor(Date.now() / 1000)
const without = (name: string) => forgeWith(({ claims: { [name]: _, ...claims } }) => ({ claims }))
const withClaims = (claims: Record<string, unknown>) =>
  forgeWith((real) => ({ claims: { ...real.claims, ...claims } }))
const withHeader = (header: Record<string, unknown>) =>
  forgeWith((real) => ({ header: { ...real.header, ...header } }))
const signature = () => victim.access_token.split('.')[2]

/** The token of the victim with something changed and signed with our own key: nothing else is wrong with it. */
function forgeWith(change: (real: Parts) => Partial<Parts>, signing: Parameters<typeof forge>[1] = {}) {
  const real = partsOf(victim.access_token)
  return forge({ ...real, ...change(real) }, signing)
}

const same = () => ({})
const foreignKey = Buffer.alloc(32, 7)

test('the forger knows its trade: an unchanged token is taken', async () => {
  expect(forgeWith(same)).toBe(victim.access_token)
  expect((await service.me(forgeWith(same))).status).toBe(200)
})

describe('access token with our signature and', () => {
  test.each<[string, () => string]>([
    ...['exp', 'iat', 'sub', 'sid', 'jti', 'iss', 'aud', 'type'].map((name): [string, () => string] => [
      `no ${name}`,
      () => without(name),
    ]),
    ['foreign iss', () => withClaims({ iss: 'elsewhere' })],
    ['foreign aud', () => withClaims({ aud: 'elsewhere' })],
    ['aud of refresh tokens', () => withClaims({ aud: 'fastkit:refresh' })],
    ['type refresh', () => withClaims({ type: 'refresh' })],
    ['typ of refresh tokens', () => withHeader({ typ: 'rt+jwt' })],
    ['typ JWT', () => withHeader({ typ: 'JWT' })],
    ['no typ', () => withHeader({ typ: undefined })],
    ['unknown kid', () => withHeader({ kid: 'AAAAAAAAAAAAAAAA' })],
    ['no kid', () => withHeader({ kid: undefined })],
    ['a number for kid', () => withHeader({ kid: 7 })],
    ['kid of the refresh key', () => withHeader({ kid: kidOf(keyFor('refresh')) })],
    ['critical extension', () => withHeader({ crit: ['x'], x: 1 })],
    ['exp that has passed', () => withClaims({ exp: now() - 6 })],
    ['exp as text', () => withClaims({ exp: String(now() + 60) })],
    ['exp as null', () => withClaims({ exp: null })],
    ['nbf to come', () => withClaims({ nbf: now() + 60 })],
    ['session of someone else', () => withClaims({ sid: partsOf(other.access_token).claims['sid'] })],
    ['user of another session', () => withClaims({ sub: other.id })],
    ['session that is no UUID', () => withClaims({ sid: "' or 1=1 --" })],
    ['user that is no UUID', () => withClaims({ sub: 'admin' })],
    [
      'session in upper case',
      () => withClaims({ sid: String(partsOf(other.access_token).claims['sid']).toUpperCase() }),
    ],
    ['user as list', () => withClaims({ sub: [victim.id] })],
    ['claims that are a list', () => forge({ ...partsOf(victim.access_token), claims: Object([]) })],
  ])('%s is refused', (_, token) => expectRefusal(token()))
})

describe('access token with a signature that is', () => {
  test.each<[string, () => string]>([
    [
      'none, alg none',
      () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${victim.access_token.split('.')[1]}.`,
    ],
    ['none, alg none and our kid', () => withHeader({ alg: 'none' }).replace(/[^.]*$/, '')],
    ['ours, alg NONE', () => withHeader({ alg: 'nOnE' })],
    ['HS384', () => forgeWith((real) => ({ header: { ...real.header, alg: 'HS384' } }), { hash: 'sha384' })],
    ['HS512', () => forgeWith((real) => ({ header: { ...real.header, alg: 'HS512' } }), { hash: 'sha512' })],
    ['ours, alg RS256', () => withHeader({ alg: 'RS256' })],
    ['no alg', () => withHeader({ alg: undefined })],
    ['of another key under our kid', () => forgeWith(same, { key: foreignKey })],
    ['of the refresh key under our kid', () => forgeWith(same, { key: keyFor('refresh') })],
    ['of an empty key', () => forgeWith(same, { key: Buffer.alloc(0) })],
    [
      'of a key brought along',
      () =>
        forgeWith(
          ({ header }) => ({
            header: { ...header, jwk: { kty: 'oct', k: foreignKey.toString('base64url') } },
          }),
          {
            key: foreignKey,
          },
        ),
    ],
    ['missing', () => victim.access_token.replace(/[^.]*$/, '')],
    ['cut off', () => victim.access_token.slice(0, -2)],
    [
      'changed in one bit',
      () => victim.access_token.replace(/.{3}$/, (end) => (end === 'AAA' ? 'BBA' : 'AAA')),
    ],
    ['of other claims', () => `${withClaims({ sub: other.id }).replace(/[^.]*$/, '')}${signature()}`],
  ])('%s is refused', (_, token) => expectRefusal(token()))
})

describe('refresh token', () => {
  test.each<[string, (token: string) => string]>([
    ['padded', (token) => `${token}=`],
    ['with a line break at the end', (token) => `${token}\n`],
    ['with a line break inside', (token) => token.replace('.', '\n.')],
    ['with a space before it', (token) => ` ${token}`],
    ['with a stray bit at the end', strayBit],
    ['in the other base64', (token) => token.replaceAll('_', '/').replaceAll('-', '+')],
    ['re-signed as an access token', (token) => forge(partsOf(token))],
    [
      're-signed with the access key under its own kid',
      (token) => forge(partsOf(token), { key: keyFor('access') }),
    ],
  ])('%s is refused and touches nothing', async (_, change) => {
    let { refresh_token } = await service.signIn(other)
    // Only some tokens hold the letters that the two base64 differ in.
    while (change(refresh_token) === refresh_token)
      refresh_token = (await service.signIn(other)).refresh_token
    expect((await service.refresh(change(refresh_token))).body.code).toBe('invalid_refresh_token')
    expect((await service.refresh(refresh_token)).status).toBe(200)
  })
})

describe('something else in the Authorization header', () => {
  test.each<[string, () => string]>([
    ['refresh token', () => victim.refresh_token],
    ['word', () => 'x'],
    ['dots', () => '..'],
    ['three words', () => 'a.b.c'],
    [
      'five parts, as an encrypted token has',
      () => `${encode({ alg: 'dir', enc: 'A256GCM' })}..AAAA.AAAA.AAAA`,
    ],
    ['header that is no JSON', () => `bm90.${victim.access_token.split('.').slice(1).join('.')}`],
    ['header that is null', () => `${encode(null)}.${victim.access_token.split('.').slice(1).join('.')}`],
    ['two tokens', () => `${victim.access_token} ${victim.access_token}`],
    ['token and a comma', () => `${victim.access_token},`],
    ['token with quotes', () => `"${victim.access_token}"`],
    ['padded token', () => `${victim.access_token}=`],
    ['padded refresh token', () => `${victim.refresh_token}=`],
    ['token with a stray bit at the end', () => strayBit(victim.access_token)],
    ['12 KB of token', () => `${victim.access_token}${'A'.repeat(12_000)}`],
    ['12 KB of dots', () => '.'.repeat(12_000)],
    ['12 KB of claims', () => withClaims({ note: 'x'.repeat(8_000), exp: 1 })],
  ])('%s is refused', (_, token) => expectRefusal(token()))

  test('two headers with one good token each are refused', async () => {
    const header = `Authorization: Bearer ${victim.access_token}`
    const answer = await sendRaw(
      service.url,
      ['GET /api/v1/users/me HTTP/1.1', 'Host: a', header, header, 'Connection: close', '', ''].join('\r\n'),
    )
    expect(answer).toStartWith('HTTP/1.1 401 ')
    expect(answer).toContain('"code":"invalid_token"')
  })

  test.each(['bearer', 'BEARER', 'bEARER', 'Bearer  '])('scheme %s counts as Bearer', async (scheme) => {
    const headers = { authorization: `${scheme} ${victim.access_token}` }
    expect((await service.call('GET /api/v1/users/me', { headers })).status).toBe(200)
  })

  test.each(['', 'Bearer', 'Bearer ', 'Basic dXNlcjpwYXNz', 'Token x', 'Bearerx', 'Bearer:x', 'DPoP x'])(
    '"%s" is no token: the challenge names no error',
    async (authorization) => {
      const { status, headers, body } = await service.call('GET /api/v1/users/me', {
        headers: { authorization },
      })
      expect([status, body.code, headers.get('www-authenticate')]).toEqual([401, 'unauthenticated', 'Bearer'])
    },
  )

  test('a token anywhere but in the header is none', async () => {
    const token = victim.access_token
    for (const headers of [{ cookie: `access_token=${token}` }, { 'x-access-token': token }])
      expect((await service.call('GET /api/v1/users/me', { headers })).status).toBe(401)
    expect((await service.call(`GET /api/v1/users/me?access_token=${token}`)).status).toBe(401)
  })
})

/** The last letter of 32 bytes in base64url carries two bits that mean nothing. */
function strayBit(token: string) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + letters[letters.indexOf(token.slice(-1)) + 1]
}

/** One answer for all, so that it does not tell how far a forgery came; the session lives on. */
async function expectRefusal(token: string) {
  const { status, headers, body } = await service.me(token)
  expect(status).toBe(401)
  expect({ ...body, request_id: null }).toEqual({
    type: '/docs/errors#invalid_token',
    title: 'Invalid access token',
    status: 401,
    code: 'invalid_token',
    request_id: null,
  })
  expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
  expect((await service.me(victim.access_token)).status).toBe(200)
}
