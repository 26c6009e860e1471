import { describe, expect, test } from 'bun:test'
import { fail } from '../../src/core/errors'
import { countingHashes, from, limited, newAddress, statuses, times } from '../support/many-sockets'
import { useService } from '../support/service'

const service = useService({ ...limited, ACCESS_TOKEN_TTL: '1h' })

type Try = { email: string; password?: string; address?: string }
const login = ({ email, password = 'kq3vzw9x', address = newAddress() }: Try) =>
  service.call('POST /api/v1/auth/login', { body: { email, password }, headers: from(address) })
const register = async () => {
  const password = 'a quiet green lantern'
  const body = { email: service.newEmail(), password }
  const { status } = await service.call('POST /api/v1/auth/register', { body, headers: from(newAddress()) })
  expect(status).toBe(201)
  return body
}
const exhaust = (email: string) => times(5, () => login({ email }))

describe('an account', () => {
  test('lets 5 of 200 tries at once through, from wherever they come', async () => {
    const { email } = await register()
    const hashes = await countingHashes(service, async () => {
      const answers = await times(200, () => login({ email }))
      expect(statuses(answers)).toEqual({ 401: 5, 429: 195 })
    })
    expect(hashes).toBe(5)
  })

  test('waits longer after each further failure, and lets one of many tries through when it has waited', async () => {
    const { email } = await register()
    await exhaust(email)
    for (const minutes of [1, 2, 4, 8, 16, 30, 30]) {
      const { status, body, headers } = await login({ email })
      expect([status, body.code]).toEqual([429, 'rate_limited'])
      expect(headers.get('ratelimit-policy')).toBe('"account";q=5;w=900')
      expect(Number(headers.get('retry-after'))).toBeWithin(minutes * 60 - 5, minutes * 60 + 1)
      expect(headers.get('ratelimit')).toBe(`"account";r=0;t=${headers.get('retry-after')}`)
      service.clock.advance(minutes * 60)
      expect(statuses(await times(10, () => login({ email })))).toEqual({ 401: 1, 429: 9 })
    }
  })

  test('whose hash cannot be read has as many tries', async () => {
    const { email } = await register()
    await service.sql`update users set password_hash = '{SHA}abc' where email = ${email}`
    expect(statuses(await times(10, () => login({ email })))).toEqual({ 401: 5, 429: 5 })
  })

  test('is as before once a quarter of an hour has passed without a try', async () => {
    const { email } = await register()
    await exhaust(email)
    service.clock.advance(60 + 900)
    expect(statuses(await times(10, () => login({ email })))).toEqual({ 401: 5, 429: 5 })
  })

  test('is the same in every spelling of its address', async () => {
    const { email } = await register()
    const spellings = [email.toUpperCase(), ` ${email}`, `${email} `, email]
    const answers = await times(12, (at) => login({ email: spellings[at % 4] ?? '' }))
    expect(statuses(answers)).toEqual({ 401: 5, 429: 7 })
  })

  test('does not count what was no failure', async () => {
    const user = await register()
    for (let n = 0; n < 12; n++) expect((await login(user)).status).toBe(200)
    const { verify } = service.deps.passwords
    service.deps.passwords.verify = () => Promise.reject(fail('overloaded'))
    for (let n = 0; n < 12; n++) expect((await login(user)).status).toBe(503)
    service.deps.passwords.verify = verify
    expect((await login(user)).status).toBe(200)
  })

  test('refuses nobody who knows the password, however many at once', async () => {
    const user = await register()
    expect(statuses(await times(20, () => login(user)))).toEqual({ 200: 20 })
    expect((await login({ email: user.email })).status).toBe(401)
    expect(statuses(await times(20, () => login(user)))).toEqual({ 200: 20 })
    await times(3, () => login({ email: user.email }))
    expect(statuses(await times(20, () => login(user)))).toEqual({ 200: 20 })
    const [row] = await service.sql`select id from users where email = ${user.email}`
    const limitedSignIns = () =>
      service.lines.filter(({ event, targetId }) => event === 'sign_in.limited' && targetId === row?.['id'])
    expect(limitedSignIns()).toHaveLength(0)
    expect(statuses(await times(4, () => login({ email: user.email })))).toEqual({ 401: 1, 429: 3 })
    expect(limitedSignIns()).toHaveLength(1)
  })

  test('that has waited opens for its password, and is no nearer to the next delay', async () => {
    const user = await register()
    await exhaust(user.email)
    expect((await login(user)).status).toBe(429)
    service.clock.advance(60)
    expect((await login(user)).status).toBe(200)
    expect((await login(user)).status).toBe(200)
    await login({ email: user.email })
    const { headers } = await login({ email: user.email })
    expect(Number(headers.get('retry-after'))).toBeWithin(110, 121)
  })

  test('that does not exist is refused exactly like one that does', async () => {
    const [{ email: known }, unknown] = [await register(), service.newEmail()]
    const told = async (email: string) => {
      const { status, headers, body } = await login({ email })
      const { request_id: _, ...rest } = body
      return { status, rest, policy: headers.get('ratelimit-policy'), names: [...headers.keys()] }
    }
    for (let n = 0; n < 8; n++) expect(await told(unknown)).toEqual(await told(known))
    service.clock.advance(60)
    for (let n = 0; n < 2; n++) expect(await told(unknown)).toEqual(await told(known))
  })

  test('under attack leaves one event that names it', async () => {
    const { email } = await register()
    const [user] = await service.sql`select id from users where email = ${email}`
    await times(40, () => login({ email }))
    const events = service.lines.filter(
      (line) => line.event === 'sign_in.limited' && line['targetId'] === user?.['id'],
    )
    expect(events.map((line) => line['limit'])).toEqual(['account'])
    const kept =
      await service.sql`select id from audit_events where type = 'sign_in.limited' and target_id = ${user?.['id']}`
    expect(kept).toHaveLength(1)
  })
})

describe('an account under attack', () => {
  test('opens for its owner from where they signed in before, and for nobody else', async () => {
    const user = await register()
    const home = '2001:db8:77:1'
    expect((await login({ ...user, address: `${home}::1` })).status).toBe(200)
    await times(30, () => login({ email: user.email }))
    expect((await login(user)).status).toBe(429)
    expect((await login({ ...user, address: `${home}:a::b` })).status).toBe(200)
    expect((await login({ ...user, address: '2001:db8:77:2::1' })).status).toBe(429)
    expect((await login({ email: user.email })).status).toBe(429)
  })

  test('opens there also after the owner has signed out', async () => {
    const user = await register()
    const address = newAddress()
    const { body } = await login({ ...user, address })
    await service.call('POST /api/v1/auth/logout', { body: { refresh_token: body.refresh_token } })
    await times(10, () => login({ email: user.email }))
    expect((await login({ ...user, address })).status).toBe(200)
  })

  test('from where its owner signs in is limited there alone', async () => {
    const user = await register()
    const address = newAddress()
    await login({ ...user, address })
    const answers = await times(9, () => login({ email: user.email, address }))
    expect(statuses(answers)).toEqual({ 401: 5, 429: 4 })
    expect((await login(user)).status).toBe(200)
  })
})

describe('POST /api/v1/auth/refresh', () => {
  const refresh = (refresh_token: string) =>
    service.call('POST /api/v1/auth/refresh', { body: { refresh_token }, headers: from(newAddress()) })

  test('is refused after 30 a minute for one session, and only for that one', async () => {
    const user = await register()
    const [{ body: one }, { body: other }] = [await login(user), await login(user)]
    let token = one.refresh_token
    for (let n = 0; n < 30; n++) {
      const { status, body } = await refresh(token)
      expect(status).toBe(200)
      token = body.refresh_token
    }
    const { status, headers, body } = await refresh(token)
    expect([status, body.code]).toEqual([429, 'rate_limited'])
    expect(headers.get('ratelimit-policy')).toBe('"refresh";q=30;w=60')
    expect(Number(headers.get('retry-after'))).toBeWithin(50, 61)
    expect((await refresh(other.refresh_token)).status).toBe(200)
    service.clock.advance(60)
    expect((await refresh(token)).status).toBe(200)
  })

  test('is not used up by tokens that are forged', async () => {
    const { body } = await login(await register())
    const forged = `${body.refresh_token.slice(0, -4)}AAAA`
    expect(statuses(await times(40, () => refresh(forged)))).toEqual({ 401: 40 })
    expect((await refresh(body.refresh_token)).status).toBe(200)
  })
})

describe('the current password', () => {
  test('can be tried 5 times in 15 minutes, wherever it is asked for', async () => {
    const user = await register()
    const { body: pair } = await login(user)
    const wrong = { current_password: 'not it at all' }
    const routes = [
      ['POST /api/v1/auth/password', { ...wrong, new_password: 'another green lantern' }],
      ['PATCH /api/v1/users/me', { ...wrong, email: service.newEmail() }],
      ['DELETE /api/v1/users/me', wrong],
    ] as const
    const attempt = (at: number) => {
      const [route, body] = routes[at % 3] ?? routes[0]
      return service.call(route, { body, token: pair.access_token, headers: from(newAddress()) })
    }
    const hashes = await countingHashes(service, async () => {
      expect(statuses(await times(30, attempt))).toEqual({ 403: 5, 429: 25 })
    })
    expect(hashes).toBe(5)
    expect((await attempt(0)).headers.get('ratelimit-policy')).toBe('"password";q=5;w=900')
    expect((await service.me(pair.access_token)).status).toBe(200)
    service.clock.advance(840)
    expect((await attempt(0)).status).toBe(429)
    service.clock.advance(60)
    expect((await attempt(2)).status).toBe(403)
  })
})
