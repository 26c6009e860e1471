import { beforeAll, describe, expect, test } from 'bun:test'
import { aPassword } from '../support/client'
import { allPages, enterAsAdmin, outcome, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService()
let admin: Person
beforeAll(async () => {
  admin = await enterAsAdmin(service)
})

const unknownId = '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'
const call = (route: string, token: string, body?: unknown) =>
  service.call(route.replace(' ', ' /api/v1'), { token, ...(body !== undefined && { body }) })
const create = (body: object) =>
  call('POST /users', admin.access_token, { email: service.newEmail(), password: aPassword, ...body })
const change = (id: string, body: unknown) => call(`PATCH /users/${id}`, admin.access_token, body)
const rowOf = async (id: string) => (await service.sql`select * from users where id = ${id}`)[0]
const countUsers = async () => (await service.sql`select count(*)::int as n from users`)[0]?.['n']

describe('a user without rights', () => {
  test.each([
    ['GET /users', undefined],
    ['GET /users?limit=1000', undefined],
    ['POST /users', { email: 'eve@example.com', password: aPassword, role: 'admin' }],
    ['POST /users', 'no JSON'],
    ['GET /audit-events', undefined],
  ])('gets 403 for %s', async (route, body) => {
    const user = await service.enter()
    const before = await countUsers()
    expect(outcome(await call(route, user.access_token, body))).toEqual([403, 'forbidden'])
    expect(await countUsers()).toBe(before)
  })

  test.each(['role', 'is_active', 'email', 'password', 'display_name'])(
    'cannot change %s of any account through the admin route',
    async (field) => {
      const [user, other] = [await service.enter(), await service.register()]
      const values: Record<string, unknown> = {
        role: 'admin',
        is_active: false,
        email: service.newEmail(),
        password: 'another good password',
        display_name: 'Eve',
      }
      for (const id of [user.id, other.id]) {
        const before = await rowOf(id)
        const answer = await call(`PATCH /users/${id}`, user.access_token, { [field]: values[field] })
        expect(outcome(answer)).toEqual([403, 'forbidden'])
        expect(await rowOf(id)).toEqual(before)
      }
    },
  )

  test.each(['GET /users/:id', 'DELETE /users/:id', 'GET /users/:id/sessions', 'DELETE /users/:id/sessions'])(
    'gets the same 403 for %s of another, an unknown and an invalid id',
    async (route) => {
      const [user, other] = [await service.enter(), await service.enter()]
      const ids = [other.id, admin.id, unknownId, 'x', user.id.toUpperCase()]
      const answers = await Promise.all(
        ids.map((id) =>
          service.call(route.replace('/', '/api/v1/').replace(':id', id), {
            token: user.access_token,
            headers: { 'x-request-id': 'same' },
          }),
        ),
      )
      expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 403))
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
      expect((await service.me(other.access_token)).status).toBe(200)
    },
  )

  test('reads the own account by its id, and deletes it only with the password', async () => {
    const user = await service.enter()
    const { status, body } = await call(`GET /users/${user.id}`, user.access_token)
    expect([status, body]).toEqual([200, (await service.me(user.access_token)).body])
    const refused = await call(`DELETE /users/${user.id}`, user.access_token)
    expect(outcome(refused)).toEqual([403, 'forbidden'])
    expect(refused.body.detail).toContain('DELETE /users/me')
    expect((await service.me(user.access_token)).status).toBe(200)
    const done = await call('DELETE /users/me', user.access_token, { current_password: aPassword })
    expect(done.status).toBe(204)
    expect(outcome(await service.me(user.access_token))).toEqual([401, 'invalid_token'])
    expect(await rowOf(user.id)).toBeUndefined()
  })
})

describe('an admin’s own account', () => {
  test('is not deleted by its id', async () => {
    const own = await enterAsAdmin(service)
    const refused = await call(`DELETE /users/${own.id}`, own.access_token)
    expect(outcome(refused)).toEqual([403, 'forbidden'])
    expect(refused.body.detail).toContain('DELETE /users/me')
    expect((await service.me(own.access_token)).status).toBe(200)
    const events = await service.sql`select type from audit_events where target_id = ${own.id}`
    expect(events.map(({ type }) => type)).not.toContain('user.deleted')
  })

  test('gets no new password by its id', async () => {
    const own = await enterAsAdmin(service)
    const before = await rowOf(own.id)
    const changes = { password: 'chosen by a thief', display_name: 'Eve' }
    const refused = await call(`PATCH /users/${own.id}`, own.access_token, changes)
    expect(outcome(refused)).toEqual([403, 'forbidden'])
    expect(refused.body.detail).toContain('POST /auth/password')
    expect(await rowOf(own.id)).toEqual(before)
    await service.signIn(own)
  })

  test('is not reached by another spelling of its id either', async () => {
    const own = await enterAsAdmin(service)
    const [before, id] = [await rowOf(own.id), own.id.toUpperCase()]
    const answers = [
      await call(`DELETE /users/${id}`, own.access_token),
      await call(`PATCH /users/${id}`, own.access_token, { password: 'chosen by a thief' }),
    ]
    for (const { status } of answers) expect(status).toBeOneOf([403, 422])
    expect(await rowOf(own.id)).toEqual(before)
  })

  test('takes every other change by its id', async () => {
    const own = await enterAsAdmin(service)
    const changes = { display_name: 'Grace', email: service.newEmail(), is_active: true, role: 'user' }
    const { status, body } = await call(`PATCH /users/${own.id}`, own.access_token, changes)
    expect([status, body]).toMatchObject([200, { id: own.id, ...changes }])
  })
})

describe('an admin', () => {
  test.each(['GET', 'DELETE'])(
    'gets 404 for %s of an unknown id and 422 for an invalid one',
    async (method) => {
      const [unknown, none] = [
        await call(`${method} /users/${unknownId}`, admin.access_token),
        await call(`${method} /users/x`, admin.access_token),
      ]
      expect([outcome(unknown), outcome(none)]).toEqual([
        [404, 'not_found'],
        [422, 'validation_failed', '/id'],
      ])
    },
  )

  test('gets 404 for a change of an unknown id', async () => {
    expect(outcome(await change(unknownId, { role: 'user' }))).toEqual([404, 'not_found'])
  })

  test('reads and deletes any account', async () => {
    const user = await service.enter()
    const { status, body } = await call(`GET /users/${user.id}`, admin.access_token)
    expect([status, body.email]).toEqual([200, user.email])
    expect((await call(`DELETE /users/${user.id}`, admin.access_token)).status).toBe(204)
    expect((await service.me(user.access_token)).status).toBe(401)
    expect((await call(`DELETE /users/${user.id}`, admin.access_token)).status).toBe(404)
  })
})

describe('POST /api/v1/users', () => {
  test('creates an account with any role and state', async () => {
    const fields = { display_name: 'Grace', role: 'admin', is_active: false }
    const { status, headers, body, text } = await create(fields)
    expect([status, body]).toMatchObject([201, fields])
    expect(headers.get('location')).toBe(`/api/v1/users/${body.id}`)
    expect(text).not.toMatch(/argon|hash|password|normalised/)
    await expect(service.signIn({ email: body.email, password: aPassword })).rejects.toThrow('401')
  })

  test('creates an active user without a name by default', async () => {
    const { body } = await create({})
    expect(body).toMatchObject({ role: 'user', is_active: true, display_name: null })
    await service.signIn({ email: body.email, password: aPassword })
  })

  test.each([
    ['id', unknownId],
    ['email_normalised', 'root@example.com'],
    ['password_hash', '$argon2id$v=19$m=64,t=1,p=1$x$y'],
    ['created_at', '2020-01-01T00:00:00.000Z'],
    ['role', 'root'],
    ['role', null],
    ['is_active', 'true'],
    ['is_active', 1],
  ])('refuses %s %p and creates no account', async (field, value) => {
    const before = await countUsers()
    expect(outcome(await create({ [field]: value }))).toEqual([422, 'validation_failed', `/${field}`])
    expect(await countUsers()).toBe(before)
  })

  test('refuses a taken address and a weak password like registration', async () => {
    const { email } = await service.register()
    expect(outcome(await create({ email: email.toUpperCase() }))).toEqual([409, 'email_taken'])
    const weak = JSON.stringify({ email: service.newEmail(), password: '12345678' })
    const answer = await call('POST /users', admin.access_token, weak)
    expect(outcome(answer)).toEqual([422, 'weak_password', '/password'])
  })
})

describe('PATCH /api/v1/users/{id}', () => {
  test.each([
    ['id', unknownId],
    ['email_normalised', 'root@example.com'],
    ['password_hash', '$argon2id$v=19$m=64,t=1,p=1$x$y'],
    ['created_at', '2020-01-01T00:00:00.000Z'],
    ['current_password', aPassword],
    ['role', 'root'],
    ['is_active', 0],
    ['email', 'nobody'],
  ])('refuses %s %p and changes nothing', async (field, value) => {
    const { id } = await service.register()
    const before = await rowOf(id)
    const body = JSON.stringify({ display_name: 'Eve', [field]: value })
    expect(outcome(await change(id, body))).toEqual([422, 'validation_failed', `/${field}`])
    expect(await rowOf(id)).toEqual(before)
  })

  test.each(['{}', '[]', 'null', '"x"'])('refuses %s', async (body) => {
    const { id } = await service.register()
    expect((await change(id, body)).status).toBe(422)
  })

  test('changes only the given fields', async () => {
    const user = await service.enter()
    const email = service.newEmail()
    const { status, body } = await change(user.id, { email, display_name: 'Grace' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ id: user.id, email, display_name: 'Grace', role: 'user', is_active: true })
    expect((await service.me(user.access_token)).body).toEqual(body)
    await service.signIn({ email, password: aPassword })
  })

  test('with a taken address changes no other field either', async () => {
    const [user, other] = [await service.enter(), await service.register()]
    const taken = await change(user.id, {
      email: other.email,
      role: 'admin',
      password: 'a new good password',
    })
    expect(outcome(taken)).toEqual([409, 'email_taken'])
    expect((await service.me(user.access_token)).body.role).toBe('user')
    await service.signIn(user)
    const events = await service.sql`select type from audit_events where target_id = ${user.id}`
    expect(events.map(({ type }) => type)).not.toContain('role.changed')
  })

  test('with a password ends every session, and only the new password signs in', async () => {
    const user = await service.enter()
    const second = await service.signIn(user)
    const password = 'chosen by an admin'
    expect((await change(user.id, { password })).status).toBe(200)
    for (const token of [user.access_token, second.access_token])
      expect(outcome(await service.me(token))).toEqual([401, 'invalid_token'])
    expect(outcome(await service.refresh(second.refresh_token))).toEqual([401, 'invalid_refresh_token'])
    await expect(service.signIn(user)).rejects.toThrow('401')
    await service.signIn({ ...user, password })
  })

  test('with is_active false ends every session, and true does not revive them', async () => {
    const user = await service.enter()
    expect((await change(user.id, { is_active: false })).body.is_active).toBe(false)
    await expect(service.signIn(user)).rejects.toThrow('401')
    expect((await change(user.id, { is_active: true })).body.is_active).toBe(true)
    expect(outcome(await service.me(user.access_token))).toEqual([401, 'invalid_token'])
    expect(outcome(await service.refresh(user.refresh_token))).toEqual([401, 'invalid_refresh_token'])
    await service.signIn(user)
  })

  test('with a role takes effect on the next request with the same token', async () => {
    const user = await service.enter()
    const asks = async () => (await call('GET /users', user.access_token)).status
    expect(await asks()).toBe(403)
    await change(user.id, { role: 'admin' })
    expect(await asks()).toBe(200)
    await change(user.id, { role: 'user' })
    expect(await asks()).toBe(403)
  })
})

test('a listed user has the same fields as a single one', async () => {
  const { id } = await service.register()
  const [first] = await allPages(service, '/api/v1/users', admin.access_token)
  expect(first).toEqual((await call(`GET /users/${id}`, admin.access_token)).body)
})
