import { describe, expect, test } from 'bun:test'
import { jwtVerify } from 'jose'
import { createApp } from '../../src/app'
import { createKeyring } from '../../src/modules/sessions/keyring'
import { createClient } from '../support/client'
import { forge, keyFor, kidOf, partsOf } from '../support/forge-token'
import { startTestService, testSecret, useService } from '../support/service'

const service = useService()

const kinds = [
  { kind: 'access', typ: 'at+jwt', audience: 'fastkit', ttl: 900 },
  { kind: 'refresh', typ: 'rt+jwt', audience: 'fastkit:refresh', ttl: 7 * 86_400 },
] as const
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe.each(kinds)('$kind token', ({ kind, typ, audience, ttl }) => {
  test('has the header and the claims of the contract and no others', async () => {
    const user = await service.enter()
    const token = user[`${kind}_token`]
    const { header, claims } = partsOf(token)
    expect(header).toEqual({ alg: 'HS256', typ, kid: kidOf(keyFor(kind)) })
    expect(claims).toEqual({
      iss: 'fastkit',
      aud: audience,
      sub: user.id,
      sid: expect.stringMatching(uuid),
      jti: expect.stringMatching(/^[\w-]{22,}$/),
      type: kind,
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
    expect(Math.abs(Number(claims['exp']) - Number(claims['iat']) - ttl)).toBeLessThanOrEqual(1)
    expect(token).not.toContain(Buffer.from(user.email).toString('base64url').slice(0, 12))
  })

  test('verifies with the key that the contract states', async () => {
    const user = await service.enter()
    const { payload } = await jwtVerify(user[`${kind}_token`], keyFor(kind), {
      algorithms: ['HS256'],
      issuer: 'fastkit',
      audience,
      typ,
      requiredClaims: ['exp', 'iat', 'sub', 'sid', 'jti'],
    })
    expect(payload.sub).toBe(user.id)
  })

  test('two of one login and two of two logins differ in jti', async () => {
    const user = await service.enter()
    const again = await service.signIn(user)
    const tokens = [user.access_token, user.refresh_token, again.access_token, again.refresh_token]
    expect(new Set(tokens.map((token) => partsOf(token).claims['jti'])).size).toBe(4)
  })
})

test('no key equals another, or the secret it comes from', () => {
  const keys = kinds.flatMap(({ kind }) => [keyFor(kind), keyFor(kind, testSecret.toUpperCase())])
  expect(new Set([testSecret, ...keys.map(String)]).size).toBe(5)
})

describe('end of an access token', () => {
  test('comes with its exp and five seconds of tolerance', async () => {
    const { access_token, expires_in } = await service.enter()
    expect(expires_in).toBe(900)
    service.clock.advance(903)
    expect((await service.me(access_token)).status).toBe(200)
    service.clock.advance(3)
    expect((await service.me(access_token)).body.code).toBe('invalid_token')
  })

  test('comes with the end of its session, without tolerance', async () => {
    const brief = await startTestService({ SESSION_TTL: '10m' })
    const { access_token, expires_in, refresh_expires_in } = await brief.enter()
    expect(Math.max(expires_in, refresh_expires_in)).toBeLessThanOrEqual(600)
    brief.clock.advance(595)
    expect((await brief.me(access_token)).status).toBe(200)
    brief.clock.advance(5.1)
    expect((await brief.me(access_token)).body.code).toBe('invalid_token')
    await brief.stop()
  })
})

describe('rotation of JWT_SECRET', () => {
  const [older, newer] = [testSecret, 'the-next-secret-that-is-also-long-enough-0123456789']

  test('with the new key first, both sign in, and new tokens carry the new kid', async () => {
    const { access_token, refresh_token } = await service.enter()
    const rotated = await instanceWith([newer, older])
    expect((await rotated.me(access_token)).status).toBe(200)
    const { body } = await rotated.refresh(refresh_token)
    expect(partsOf(body.access_token).header['kid']).toBe(kidOf(keyFor('access', newer)))
    expect(partsOf(body.refresh_token).header['kid']).toBe(kidOf(keyFor('refresh', newer)))
    expect((await rotated.me(body.access_token)).status).toBe(200)
    await rotated.stop()
  })

  test('a lost answer to a refresh is repeated across the rotation with the same successor', async () => {
    const { refresh_token } = await service.enter()
    const before = await service.refresh(refresh_token)
    const rotated = await instanceWith([newer, older])
    const after = await rotated.refresh(refresh_token)
    expect(after.status).toBe(200)
    const [first, second] = [before, after].map(({ body }) => partsOf(body.refresh_token).claims)
    expect([second?.['jti'], second?.['exp']]).toEqual([first?.['jti'], first?.['exp']])
    expect((await rotated.refresh(after.body.refresh_token)).status).toBe(200)
    await rotated.stop()
  })

  test('without the old key its tokens are refused and nothing is revoked', async () => {
    const { access_token, refresh_token } = await service.enter()
    const rotated = await instanceWith([newer])
    expect((await rotated.me(access_token)).body.code).toBe('invalid_token')
    expect((await rotated.refresh(refresh_token)).body.code).toBe('invalid_refresh_token')
    await rotated.stop()
    expect((await service.refresh(refresh_token)).status).toBe(200)
  })

  test('an instance that knows only the old key refuses what the new one signed', async () => {
    const rotated = await instanceWith([newer, older])
    const { access_token } = await rotated.enter()
    expect(forge(partsOf(access_token), { key: keyFor('access', newer) })).toBe(access_token)
    expect((await service.me(access_token)).body.code).toBe('invalid_token')
    await rotated.stop()
  })
})

/** Another instance over the same database with other keys: on the embedded one it has to live in this process. */
async function instanceWith(secrets: string[]) {
  const keys = await createKeyring({ secrets, issuer: 'fastkit', audience: 'fastkit' })
  const { server } = createApp({ ...service, deps: { ...service.deps, keys } }).listen({
    hostname: '127.0.0.1',
    port: 0,
  })
  if (!server) throw new Error('the instance did not start')
  return { ...createClient(`http://127.0.0.1:${server.port}`), stop: () => server.stop(true) }
}
