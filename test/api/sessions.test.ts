import { beforeAll, describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { allPages, enterAsAdmin, outcome, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService()
let admin: Person
beforeAll(async () => {
  admin = await enterAsAdmin(service)
})

const unknownId = '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'
const sidOf = (token: string) => String(decodeJwt(token)['sid'])
const call = (route: string, token: string) => service.call(route.replace(' ', ' /api/v1/users/'), { token })
const list = (token: string, of = 'me') => allPages(service, `/api/v1/users/${of}/sessions?limit=7`, token)
const isLive = async (token: string) => (await service.me(token)).status === 200

describe('GET /api/v1/users/me/sessions', () => {
  test('answers each login with device and address, the newest first, and marks the one that asks', async () => {
    const user = await service.enter()
    const { body: phone } = await service.call('POST /api/v1/auth/login', {
      body: { email: user.email, password: user.password, device_name: 'phone' },
      headers: { 'user-agent': `tests/1 ${'x'.repeat(300)}`, 'x-forwarded-for': '192.0.2.7' },
    })
    const answer = await call('GET me/sessions', phone.access_token)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const [first, second] = answer.body.items
    expect(first).toEqual({
      id: sidOf(phone.access_token),
      device_name: 'phone',
      user_agent: `tests/1 ${'x'.repeat(248)}`,
      ip: '127.0.0.1',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      last_used_at: first.created_at,
      expires_at: new Date(Date.parse(first.created_at) + 30 * 86_400_000).toISOString(),
      is_current: true,
    })
    expect(second).toMatchObject({ id: sidOf(user.access_token), device_name: null, is_current: false })
    expect([answer.body.items.length, answer.body.next_cursor]).toEqual([2, null])
    expect((await list(user.access_token)).map((session) => session.is_current)).toEqual([false, true])
  })

  test('leaves out sessions that ended or expired, and those of others', async () => {
    const user = await service.enter()
    const ended = await service.signIn(user)
    await service.call('POST /api/v1/auth/logout', { token: ended.access_token })
    expect((await list(user.access_token)).map(({ id }) => id)).toEqual([sidOf(user.access_token)])
    service.clock.advance(30 * 86_400 + 1)
    admin = { ...admin, ...(await service.signIn(admin)) }
    const fresh = await service.signIn(user)
    expect((await list(fresh.access_token)).map(({ id }) => id)).toEqual([sidOf(fresh.access_token)])
  })

  test('tells the last refresh; reading leaves no trace', async () => {
    const user = await service.enter()
    service.clock.advance(60)
    const [before] = await list(user.access_token)
    expect(before.last_used_at).toBe(before.created_at)
    const { body } = await service.refresh(user.refresh_token)
    const [after] = await list(body.access_token)
    const elapsed = Date.parse(after.last_used_at) - Date.parse(after.created_at)
    expect(elapsed).toBeGreaterThanOrEqual(60_000)
    expect(after.expires_at).toBe(before.expires_at)
  })

  test.each(['limit=0', 'limit=101', 'limit=1e3', 'limit=abc', 'limit=-1', 'limit=1.5', 'cursor=x', 'a=b'])(
    'refuses ?%s',
    async (query) => {
      const { access_token } = await service.enter()
      expect((await call(`GET me/sessions?${query}`, access_token)).status).toBe(422)
    },
  )
})

describe('DELETE /api/v1/users/me/sessions/{id}', () => {
  test('ends that session alone, at once and for good', async () => {
    const user = await service.enter()
    const other = await service.signIn(user)
    const route = `DELETE me/sessions/${sidOf(other.access_token)}`
    expect(await isLive(other.access_token)).toBe(true)
    expect((await call(route, user.access_token)).status).toBe(204)
    expect(outcome(await service.me(other.access_token))).toEqual([401, 'invalid_token'])
    expect(outcome(await service.refresh(other.refresh_token))).toEqual([401, 'invalid_refresh_token'])
    expect(await isLive(user.access_token)).toBe(true)
    expect(outcome(await call(route, user.access_token))).toEqual([404, 'not_found'])
  })

  test('takes the session that asks', async () => {
    const { access_token } = await service.enter()
    expect((await call(`DELETE me/sessions/${sidOf(access_token)}`, access_token)).status).toBe(204)
    expect(await isLive(access_token)).toBe(false)
  })

  test('of someone else is 404 like one that never was, for an admin too, and ends nothing', async () => {
    const other = await service.enter()
    for (const { access_token } of [await service.enter(), admin]) {
      for (const id of [sidOf(other.access_token), unknownId])
        expect(outcome(await call(`DELETE me/sessions/${id}`, access_token))).toEqual([404, 'not_found'])
      expect(outcome(await call('DELETE me/sessions/x', access_token))).toEqual([
        422,
        'validation_failed',
        '/id',
      ])
    }
    expect(await isLive(other.access_token)).toBe(true)
  })
})

describe('/api/v1/users/{id}/sessions', () => {
  test('lists and ends all of the owner’s', async () => {
    const user = await service.enter()
    const other = await service.signIn(user)
    expect(await list(user.access_token, user.id)).toEqual(await list(user.access_token))
    expect((await call(`DELETE ${user.id}/sessions`, user.access_token)).status).toBe(204)
    for (const { access_token, refresh_token } of [user, other]) {
      expect(await isLive(access_token)).toBe(false)
      expect((await service.refresh(refresh_token)).status).toBe(401)
    }
  })

  test('lists and ends anyone’s for an admin, none of which is his', async () => {
    const user = await service.enter()
    expect(await list(admin.access_token, user.id)).toMatchObject([{ is_current: false }])
    expect((await call(`DELETE ${user.id}/sessions`, admin.access_token)).status).toBe(204)
    expect([await isLive(user.access_token), await isLive(admin.access_token)]).toEqual([false, true])
    const [row] = await service.sql`select revoke_reason from sessions where user_id = ${user.id}`
    expect(row?.['revoke_reason']).toBe('ended_by_admin')
  })
})

describe('/api/v1/users/{id}/sessions of an account', () => {
  test.each(['GET', 'DELETE'])('that does not exist: %s by an admin is 404', async (method) => {
    for (const id of [unknownId, `${unknownId.slice(0, -1)}1`]) {
      const answer = await call(`${method} ${id}/sessions`, admin.access_token)
      expect(outcome(answer)).toEqual([404, 'not_found'])
    }
  })

  test('that was deleted is 404, of one that is signed in nowhere there is nothing to list or end', async () => {
    const [gone, idle] = [await service.enter(), await service.register()]
    expect((await call(`DELETE ${gone.id}`, admin.access_token)).status).toBe(204)
    for (const method of ['GET', 'DELETE'])
      expect(outcome(await call(`${method} ${gone.id}/sessions`, admin.access_token))).toEqual([
        404,
        'not_found',
      ])
    expect(await list(admin.access_token, idle.id)).toEqual([])
    expect((await call(`DELETE ${idle.id}/sessions`, admin.access_token)).status).toBe(204)
  })
})

describe('DELETE /api/v1/users/me/sessions', () => {
  test('is no method of that path: 405, for a user and an admin, and is on no record', async () => {
    const user = await service.enter()
    for (const path of ['me/sessions', 'me/sessions/'])
      for (const { access_token } of [user, admin]) {
        const answer = await call(`DELETE ${path}`, access_token)
        expect(outcome(answer)).toEqual([405, 'method_not_allowed'])
        expect(answer.headers.get('allow')).toBe('GET, HEAD')
      }
    expect(await isLive(user.access_token)).toBe(true)
    const events = await service.sql`select type from audit_events where actor_id = ${user.id}`
    expect(events.map(({ type }) => type)).not.toContain('access.forbidden')
  })
})

describe('POST /api/v1/auth/logout-all', () => {
  test('ends every session of the caller and of nobody else', async () => {
    const [user, other] = [await service.enter(), await service.enter()]
    const second = await service.signIn(user)
    const answer = await service.call('POST /api/v1/auth/logout-all', { token: second.access_token })
    expect([answer.status, answer.text]).toEqual([204, ''])
    for (const { access_token, refresh_token } of [user, second]) {
      expect(await isLive(access_token)).toBe(false)
      expect(outcome(await service.refresh(refresh_token))).toEqual([401, 'invalid_refresh_token'])
    }
    expect(await isLive(other.access_token)).toBe(true)
    await service.signIn(user)
  })
})

describe('more than 50 live sessions of a user', () => {
  test('end the oldest, one for each login', async () => {
    const user = await service.enter()
    const second = await service.signIn(user)
    for (let more = 0; more < 48; more++) await service.signIn(user)
    expect(await isLive(user.access_token)).toBe(true)
    const last = await service.signIn(user)
    expect(outcome(await service.me(user.access_token))).toEqual([401, 'invalid_token'])
    expect(outcome(await service.refresh(user.refresh_token))).toEqual([401, 'invalid_refresh_token'])
    expect([await isLive(second.access_token), await isLive(last.access_token)]).toEqual([true, true])
    expect(await list(last.access_token)).toHaveLength(50)
    const reasons = await service.sql`select revoke_reason from sessions
      where user_id = ${user.id} and revoked_at is not null`
    expect(reasons.map((row) => row['revoke_reason'])).toEqual(['too_many_sessions'])
  })

  test('end the oldest too when 20 logins come at once', async () => {
    const user = await service.enter()
    for (let more = 0; more < 44; more++) await service.signIn(user)
    const late = await Promise.all(Array.from({ length: 20 }, () => service.signIn(user)))
    const [live] = await service.sql`select count(*)::int as n from sessions
      where user_id = ${user.id} and revoked_at is null`
    expect(live?.['n']).toBe(50)
    expect(await Promise.all(late.map(({ access_token }) => isLive(access_token)))).toEqual(
      late.map(() => true),
    )
  })

  test('are of one user: those of others do not count', async () => {
    const people = await Promise.all(Array.from({ length: 60 }, service.enter))
    expect(await Promise.all(people.map(({ access_token }) => isLive(access_token)))).not.toContain(false)
  })
})
