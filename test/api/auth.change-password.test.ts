import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { outcome, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService()

const next = 'another horse battery'
const change = (token: string, body: unknown) => service.call('POST /api/v1/auth/password', { token, body })
const to = (person: Person, new_password = next) =>
  change(person.access_token, { current_password: person.password, new_password })
const hashOf = async ({ id }: Person) =>
  (await service.sql`select password_hash from users where id = ${id}`)[0]?.['password_hash']
const eventsOf = async ({ id }: Person) =>
  (await service.sql`select type from audit_events where target_id = ${id}`).map(({ type }) => type)

describe('POST /api/v1/auth/password', () => {
  test('answers a working pair of a fresh session and ends all the others', async () => {
    const user = await service.enter()
    const others = [user, await service.signIn(user), await service.signIn(user)]
    const { status, body, headers } = await to(user)
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(Object.keys(body).toSorted()).toEqual(
      ['access_token', 'expires_in', 'refresh_expires_in', 'refresh_token', 'token_type'].toSorted(),
    )
    for (const { access_token, refresh_token } of others) {
      expect(outcome(await service.me(access_token))).toEqual([401, 'invalid_token'])
      expect(outcome(await service.refresh(refresh_token))).toEqual([401, 'invalid_refresh_token'])
    }
    expect((await service.me(body.access_token)).body.id).toBe(user.id)
    expect((await service.refresh(body.refresh_token)).status).toBe(200)
    expect(others.map(({ access_token }) => decodeJwt(access_token)['sid'])).not.toContain(
      decodeJwt(body.access_token)['sid'],
    )
    await expect(service.signIn(user)).rejects.toThrow('401')
    await service.signIn({ ...user, password: next })
    const reasons = await service.sql`select revoke_reason from sessions
      where user_id = ${user.id} and revoked_at is not null`
    expect(reasons.map((row) => row['revoke_reason'])).toEqual(Array(3).fill('password_changed'))
  })

  test('keeps the name of the device, its user agent and its address', async () => {
    const { email, password } = await service.register()
    const { body: phone } = await service.call('POST /api/v1/auth/login', {
      body: { email, password, device_name: 'phone' },
      headers: { 'user-agent': 'phone/1' },
    })
    const { body: fresh } = await service.call('POST /api/v1/auth/password', {
      token: phone.access_token,
      body: { current_password: password, new_password: next },
      headers: { 'user-agent': 'browser/2' },
    })
    const { body } = await service.call('GET /api/v1/users/me/sessions', { token: fresh.access_token })
    expect(body.items).toMatchObject([{ device_name: 'phone', user_agent: 'phone/1', ip: '127.0.0.1' }])
  })

  test('with the wrong current password changes nothing and ends nothing', async () => {
    const user = await service.enter()
    const before = await hashOf(user)
    for (const current_password of ['not the password', user.password.toUpperCase(), `${user.password} `]) {
      const answer = await change(user.access_token, { current_password, new_password: next })
      expect(outcome(answer)).toEqual([403, 'wrong_password'])
    }
    expect(await hashOf(user)).toBe(before)
    expect((await service.me(user.access_token)).status).toBe(200)
    expect(await eventsOf(user)).not.toContain('password.changed')
  })

  test('of a hash that cannot be read is a wrong password, and the log says whose', async () => {
    const user = await service.enter()
    await service.sql`update users set password_hash = '{SHA}abc' where id = ${user.id}`
    expect(outcome(await to(user))).toEqual([403, 'wrong_password'])
    expect(await hashOf(user)).toBe('{SHA}abc')
    const told = service.lines.filter(({ event }) => event === 'password.unsupported_hash')
    expect(told).toMatchObject([{ level: 40, userId: user.id }])
  })

  test('with a weak new password changes nothing, and says so only to who knows the current one', async () => {
    const user = await service.enter()
    const weak = JSON.stringify({ current_password: user.password, new_password: 'password123' })
    expect(outcome(await change(user.access_token, weak))).toEqual([422, 'weak_password', '/new_password'])
    const attempt = JSON.stringify({ current_password: 'not the password', new_password: 'password123' })
    expect(outcome(await change(user.access_token, attempt))).toEqual([403, 'wrong_password'])
    expect((await service.me(user.access_token)).status).toBe(200)
  })

  test.each([
    ['no current password', { new_password: next }, '/current_password'],
    ['no new password', { current_password: next }, '/new_password'],
    ['an empty new password', { current_password: next, new_password: '' }, '/new_password'],
    ['a list', { current_password: next, new_password: [next] }, '/new_password'],
    ['user_id', { current_password: next, new_password: next, user_id: 'x' }, '/user_id'],
    ['password_hash', { current_password: next, new_password: next, password_hash: 'x' }, '/password_hash'],
  ])('with %s is 422', async (_, body, pointer) => {
    const { access_token } = await service.enter()
    const answer = await change(access_token, JSON.stringify(body))
    expect(outcome(answer)).toEqual([422, 'validation_failed', pointer])
  })

  test('without a token is 401 before anything of the body is looked at', async () => {
    const answer = await service.call('POST /api/v1/auth/password', { body: 'no JSON' })
    expect(outcome(answer)).toEqual([401, 'unauthenticated'])
  })

  test('10 times at once succeeds once, and the session it answered with is the only one', async () => {
    const user = await service.enter()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => to(user, `another horse battery ${at}`)),
    )
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ status }) => ![200, 401, 403].includes(status))).toEqual([])
    expect((await service.me(won[0]?.body.access_token)).status).toBe(200)
    const live = await service.sql`select id from sessions where user_id = ${user.id} and revoked_at is null`
    expect(live.map(({ id }) => id)).toEqual([decodeJwt(won[0]?.body.access_token)['sid']])
  })

  test('racing logins with the old password leaves none of their sessions alive', async () => {
    for (let round = 0; round < 10; round++) {
      const user = await service.enter()
      const login = () => service.call('POST /api/v1/auth/login', { body: credentials(user) })
      const [changed, ...logins] = await Promise.all([to(user), login(), login(), login()])
      expect(changed?.status).toBe(200)
      for (const { status, body } of logins) {
        expect([200, 401]).toContain(status)
        if (status === 200) expect((await service.me(body.access_token)).status).toBe(401)
      }
      const live = await service.sql`select 1 from sessions where user_id = ${user.id} and revoked_at is null`
      expect(live).toHaveLength(1)
    }
  })
})

const credentials = ({ email, password }: Person) => ({ email, password })
