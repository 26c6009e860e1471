import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import type { Pair } from '../support/client'
import { forge, partsOf } from '../support/forge-token'
import { useService } from '../support/service'

const service = useService()

type Options = { token?: string | undefined; body?: unknown; headers?: Record<string, string> }
const logout = (options: Options = {}) => service.call('POST /api/v1/auth/logout', options)
const sidOf = (pair: Pair) => String(decodeJwt(pair.access_token)['sid'])
const sessionOf = async (pair: Pair) =>
  (await service.sql`select * from sessions where id = ${sidOf(pair)}`)[0] ?? {}

async function expectDead(pair: Pair) {
  expect((await service.me(pair.access_token)).body.code).toBe('invalid_token')
  expect((await service.refresh(pair.refresh_token)).body.code).toBe('invalid_refresh_token')
  const { revoked_at, revoke_reason } = await sessionOf(pair)
  expect([typeof revoked_at, revoke_reason]).toEqual(['string', 'logged_out'])
}

async function expectAlive(pair: Pair) {
  expect((await service.me(pair.access_token)).status).toBe(200)
  expect((await service.refresh(pair.refresh_token)).status).toBe(200)
  expect((await sessionOf(pair))['revoked_at']).toBeNull()
}

describe('POST /api/v1/auth/logout', () => {
  test.each<[string, (pair: Pair) => Options]>([
    ['the access token', ({ access_token }) => ({ token: access_token })],
    ['the access token and an empty object', ({ access_token }) => ({ token: access_token, body: {} })],
    ['the refresh token', ({ refresh_token }) => ({ body: { refresh_token } })],
    ['both', ({ access_token, refresh_token }) => ({ token: access_token, body: { refresh_token } })],
  ])('by %s ends the session: both tokens are dead', async (_, options) => {
    const pair = await service.enter()
    const { status, text, headers } = await logout(options(pair))
    expect([status, text, headers.get('cache-control')]).toEqual([204, '', 'no-store'])
    await expectDead(pair)
  })

  test('by tokens of two people ends the session of each, on record as their own doing', async () => {
    const [ada, bob] = [await service.enter(), await service.enter()]
    const { status } = await logout({ token: ada.access_token, body: { refresh_token: bob.refresh_token } })
    expect(status).toBe(204)
    await expectDead(ada)
    await expectDead(bob)
    const events = await service.sql`select actor_id, session_id from audit_events
      where session_id in (${sidOf(ada)}, ${sidOf(bob)}) and type = 'session.revoked'`
    const actors = Object.fromEntries(events.map(({ session_id, actor_id }) => [session_id, actor_id]))
    expect(actors).toEqual({ [sidOf(ada)]: ada.id, [sidOf(bob)]: bob.id })
  })

  test('leaves the other sessions of the user, and those of others', async () => {
    const user = await service.enter()
    const [elsewhere, other] = [await service.signIn(user), await service.enter()]
    await logout({ token: user.access_token })
    await expectDead(user)
    await expectAlive(elsewhere)
    await expectAlive(other)
  })

  test('again is 204 and changes nothing', async () => {
    const pair = await service.enter()
    await logout({ token: pair.access_token })
    const before = await sessionOf(pair)
    service.clock.advance(1)
    expect((await logout({ token: pair.access_token })).status).toBe(204)
    expect((await logout({ body: { refresh_token: pair.refresh_token } })).status).toBe(204)
    expect(await sessionOf(pair)).toEqual(before)
  })

  test('twenty times at once is 204 each time and one line in the log', async () => {
    const pair = await service.enter()
    const answers = await Promise.all(Array.from({ length: 20 }, () => logout({ token: pair.access_token })))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(204))
    const revoked = service.lines.filter(
      ({ event, sessionId }) => event === 'session.revoked' && sessionId === sidOf(pair),
    )
    expect(revoked).toHaveLength(1)
  })

  test('by an access token whose time has passed ends the session', async () => {
    const pair = await service.enter()
    service.clock.advance(3600)
    expect((await logout({ token: pair.access_token })).status).toBe(204)
    await expectDead(pair)
  })

  test('by a refresh token whose time has passed is 204', async () => {
    const pair = await service.enter()
    service.clock.advance(8 * 86_400)
    expect((await logout({ body: { refresh_token: pair.refresh_token } })).status).toBe(204)
    await expectDead(pair)
  })

  test('by a used refresh token ends the session, its successor too, and is no theft', async () => {
    const pair = await service.enter()
    const { body: next } = await service.refresh(pair.refresh_token)
    expect((await logout({ body: { refresh_token: pair.refresh_token } })).status).toBe(204)
    await expectDead(next)
  })

  test('kills the token that was live and leaves what happened to the used one', async () => {
    const pair = await service.enter()
    await service.refresh(pair.refresh_token)
    await logout({ token: pair.access_token })
    const rows =
      await service.sql`select used_at, revoked_at, replaced_by from tokens where session_id = ${sidOf(pair)} order by id`
    expect(rows.map((row) => Object.values(row).map((value) => value !== null))).toEqual([
      [true, false, true],
      [false, true, false],
    ])
    expect(rows[1]?.['revoked_at']).toBe((await sessionOf(pair))['revoked_at'])
  })

  test('of a deactivated or deleted user is 204', async () => {
    const [deactivated, deleted] = [await service.enter(), await service.enter()]
    await service.sql`update users set is_active = false where id = ${deactivated.id}`
    await service.sql`delete from users where id = ${deleted.id}`
    expect((await logout({ token: deactivated.access_token })).status).toBe(204)
    expect((await logout({ token: deleted.access_token })).status).toBe(204)
  })

  test('racing a refresh leaves the session dead, whoever wins', async () => {
    for (let round = 0; round < 10; round++) {
      const pair = await service.enter()
      const [refreshed] = await Promise.all([
        service.refresh(pair.refresh_token),
        logout({ token: pair.access_token }),
      ])
      await expectDead(refreshed.status === 200 ? refreshed.body : pair)
    }
  })
})

describe('refused logout', () => {
  test.each<[string, Options]>([
    ['nothing', {}],
    ['an empty object', { body: {} }],
    ['another scheme', { headers: { authorization: 'Basic dXNlcjpwYXNz' } }],
    ['a cookie', { headers: { cookie: 'refresh_token=x' } }],
  ])('with %s is 401', async (_, options) => {
    const { status, body, headers } = await logout(options)
    expect([status, body.code, headers.get('www-authenticate')]).toEqual([401, 'unauthenticated', 'Bearer'])
  })

  const foreign = { key: Buffer.alloc(32, 7) }
  test.each<[string, (pair: Pair) => Options, string]>([
    [
      'a forged access token',
      (pair) => ({ token: forge(partsOf(pair.access_token), foreign) }),
      'invalid_token',
    ],
    [
      'a forged refresh token',
      (pair) => ({ body: { refresh_token: forge(partsOf(pair.refresh_token), foreign) } }),
      'invalid_refresh_token',
    ],
    ['a refresh token for an access token', (pair) => ({ token: pair.refresh_token }), 'invalid_token'],
    [
      'an access token for a refresh token',
      (pair) => ({ body: { refresh_token: pair.access_token } }),
      'invalid_refresh_token',
    ],
    [
      'a good access token and a forged refresh token',
      (pair) => ({ token: pair.access_token, body: { refresh_token: 'a.b.c' } }),
      'invalid_refresh_token',
    ],
    [
      'a forged access token and a good refresh token',
      (pair) => ({ token: 'a.b.c', body: { refresh_token: pair.refresh_token } }),
      'invalid_token',
    ],
  ])('with %s is 401 and touches nothing', async (_, options, code) => {
    const pair = await service.enter()
    const { status, body } = await logout(options(pair))
    expect([status, body.code]).toEqual([401, code])
    await expectAlive(pair)
  })

  test.each<[string, unknown, number]>([
    ['unknown field', { all: true }, 422],
    ['empty refresh token', { refresh_token: '' }, 422],
    ['null', { refresh_token: null }, 422],
    ['list', [], 422],
    ['broken JSON', '{', 400],
  ])('with a good access token and a body that is %s touches nothing', async (_, body, status) => {
    const pair = await service.enter()
    expect((await logout({ token: pair.access_token, body })).status).toBe(status)
    await expectAlive(pair)
  })
})
