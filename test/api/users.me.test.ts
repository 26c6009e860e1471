import { describe, expect, test } from 'bun:test'
import { aPassword } from '../support/client'
import { outcome, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService()

const patch = (token: string, body: unknown) => service.call('PATCH /api/v1/users/me', { token, body })
const remove = (token: string, body: unknown) => service.call('DELETE /api/v1/users/me', { token, body })
const rowOf = async ({ id }: Person) => (await service.sql`select * from users where id = ${id}`)[0]
const eventsOf = ({ id }: Person, type: string) =>
  service.sql`select * from audit_events where target_id = ${id} and type = ${type}`

describe('GET /api/v1/users/me', () => {
  test('answers the account, not to be stored, and nothing of the password', async () => {
    const user = await service.enter()
    const { status, headers, body, text } = await service.me(user.access_token)
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(body).toEqual({
      id: user.id,
      email: user.email,
      display_name: null,
      role: 'user',
      is_active: true,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: body.created_at,
    })
    expect(text).not.toMatch(/argon|hash|password|normalised/)
  })

  test('takes no query parameter', async () => {
    const { access_token: token } = await service.enter()
    const answer = await service.call('GET /api/v1/users/me?id=1', { token })
    expect(outcome(answer)).toEqual([422, 'validation_failed', '/id'])
  })
})

describe('PATCH /api/v1/users/me', () => {
  test.each([
    ['role', 'admin'],
    ['is_active', false],
    ['id', '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
    ['email_normalised', 'root@example.com'],
    ['password', 'another good password'],
    ['password_hash', '$argon2id$v=19$m=64,t=1,p=1$x$y'],
    ['created_at', '2020-01-01T00:00:00.000Z'],
    ['updated_at', '2020-01-01T00:00:00.000Z'],
    ['displayName', 'Eve'],
    ['passwordHash', 'x'],
    ['constructor', {}],
  ])('refuses the field %s and changes nothing', async (field, value) => {
    const user = await service.enter()
    const before = await rowOf(user)
    const body = JSON.stringify({ display_name: 'Eve', [field]: value })
    expect(outcome(await patch(user.access_token, body))).toEqual([422, 'validation_failed', `/${field}`])
    expect(await rowOf(user)).toEqual(before)
  })

  test('refuses __proto__ and changes nothing', async () => {
    const user = await service.enter()
    const before = await rowOf(user)
    const body = '{"display_name":"Eve","__proto__":{"role":"admin"}}'
    expect(outcome(await patch(user.access_token, body)).slice(0, 2)).toEqual([422, 'validation_failed'])
    expect(await rowOf(user)).toEqual(before)
  })

  test.each([
    ['no field', {}],
    ['a list', []],
    ['null', null],
    ['a number', 7],
    ['an empty name', { display_name: '' }],
    ['a name of 101 characters', { display_name: 'n'.repeat(101) }],
    ['a name with a line break', { display_name: 'Ada\nAdmin' }],
    ['an address that is none', { email: 'nobody', current_password: aPassword }],
  ])('refuses %s', async (_, body) => {
    const { access_token } = await service.enter()
    expect(outcome(await patch(access_token, body)).slice(0, 2)).toEqual([422, 'validation_failed'])
  })

  test('changes the name, and null takes it away; the next request sees it', async () => {
    const { access_token } = await service.enter()
    await service.me(access_token)
    for (const display_name of ['Ada', '👩‍🚀', null]) {
      service.clock.advance(1)
      const { status, body } = await patch(access_token, { display_name })
      expect([status, body.display_name]).toEqual([200, display_name])
      expect(body.updated_at > body.created_at).toBe(true)
      expect((await service.me(access_token)).body).toEqual(body)
    }
  })
})

describe('PATCH /api/v1/users/me with email', () => {
  test('needs the current password and keeps the address otherwise', async () => {
    const user = await service.enter()
    const email = service.newEmail()
    const wrong = await patch(user.access_token, { email, current_password: 'not the password' })
    expect(outcome(wrong)).toEqual([403, 'wrong_password'])
    const missing = await patch(user.access_token, { email })
    expect(outcome(missing)).toEqual([422, 'validation_failed', '/current_password'])
    expect((await rowOf(user))?.['email']).toBe(user.email)
    expect(await eventsOf(user, 'email.changed')).toHaveLength(0)
  })

  test('moves the account: the new address signs in, the old one does not and is free', async () => {
    const user = await service.enter()
    const email = service.newEmail()
    const changed = await patch(user.access_token, { email, current_password: aPassword })
    expect([changed.status, changed.body.email]).toEqual([200, email])
    expect((await service.me(user.access_token)).body.email).toBe(email)
    await service.signIn({ email, password: aPassword })
    await expect(service.signIn(user)).rejects.toThrow('401')
    await service.register({ email: user.email })
    expect(await eventsOf(user, 'email.changed')).toHaveLength(1)
  })

  test('of another account is refused in any spelling, once the password is right', async () => {
    const [user, other] = [await service.enter(), await service.register()]
    for (const email of [other.email, other.email.toUpperCase(), ` ${other.email} `]) {
      const right = await patch(user.access_token, { email, current_password: aPassword, display_name: 'X' })
      expect(outcome(right)).toEqual([409, 'email_taken'])
      const wrong = await patch(user.access_token, { email, current_password: 'not the password' })
      expect(outcome(wrong)).toEqual([403, 'wrong_password'])
    }
    const row = await rowOf(user)
    expect([row?.['email'], row?.['display_name']]).toEqual([user.email, null])
    expect(await eventsOf(user, 'email.changed')).toHaveLength(0)
  })

  test('in another case changes only the spelling', async () => {
    const user = await service.enter()
    const email = user.email.toUpperCase()
    const { status, body } = await patch(user.access_token, { email, current_password: aPassword })
    expect([status, body.email]).toEqual([200, email])
    await service.signIn(user)
  })

  test('taken by 10 accounts at once is given to one', async () => {
    const email = service.newEmail()
    const people = await Promise.all(Array.from({ length: 10 }, service.enter))
    const answers = await Promise.all(
      people.map(({ access_token }) => patch(access_token, { email, current_password: aPassword })),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(9).fill(409)])
    expect(await service.sql`select 1 from users where email_normalised = ${email}`).toHaveLength(1)
  })
})

describe('PATCH /api/v1/users/me with an address, while', () => {
  const meanwhile: [string, string, (string | number)[]][] = [
    [
      'the password changes',
      "update users set password_hash = 'changed' where id = $1",
      [403, 'wrong_password'],
    ],
    [
      'the account is deactivated',
      'update users set is_active = false where id = $1',
      [401, 'invalid_token'],
    ],
  ]

  test.each(meanwhile)('%s, changes nothing', async (_, change, expected) => {
    const user = await service.enter()
    const { verify } = service.deps.passwords
    // The real check, then the change: the moment that a race has to hit.
    service.deps.passwords.verify = async (password, hash) => {
      const isMatch = await verify(password, hash)
      await service.sql.unsafe(change, [user.id])
      return isMatch
    }
    const body = { email: service.newEmail(), current_password: user.password }
    const answer = await patch(user.access_token, body).finally(() => {
      service.deps.passwords.verify = verify
    })
    expect(outcome(answer)).toEqual(expected)
    expect(await rowOf(user)).toMatchObject({ email: user.email })
  })
})

describe('DELETE /api/v1/users/me', () => {
  test('needs the current password', async () => {
    const user = await service.enter()
    expect(outcome(await remove(user.access_token, {}))).toEqual([
      422,
      'validation_failed',
      '/current_password',
    ])
    const wrong = await remove(user.access_token, { current_password: 'not the password' })
    expect(outcome(wrong)).toEqual([403, 'wrong_password'])
    expect((await service.me(user.access_token)).status).toBe(200)
  })

  test('removes the account with everything of it; its tokens are void and its address is free', async () => {
    const user = await service.enter()
    const { access_token, refresh_token } = await service.signIn(user)
    const done = await remove(access_token, { current_password: aPassword })
    expect([done.status, done.text]).toEqual([204, ''])
    for (const token of [access_token, user.access_token])
      expect(outcome(await service.me(token))).toEqual([401, 'invalid_token'])
    expect(outcome(await service.refresh(refresh_token))).toEqual([401, 'invalid_refresh_token'])
    expect(await service.sql`select 1 from sessions where user_id = ${user.id}`).toHaveLength(0)
    expect(await service.sql`select 1 from tokens where user_id = ${user.id}`).toHaveLength(0)
    await expect(service.signIn(user)).rejects.toThrow('401')
    const { id } = await service.register({ email: user.email })
    expect(id).not.toBe(user.id)
  })
})
