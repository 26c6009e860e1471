import { beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { decodeJwt } from 'jose'
import { aPassword } from '../support/client'
import { eventually } from '../support/eventually'
import { allPages, enterAsAdmin, outcome, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService({ TRUSTED_PROXIES: '127.0.0.0/8' })
let admin: Person
beforeAll(async () => {
  admin = await enterAsAdmin(service)
})

const events = (query: string) => allPages(service, `/api/v1/audit-events?${query}`, admin.access_token)
const as = (token: string | undefined, requestId: string) => ({
  ...(token !== undefined && { token }),
  headers: { 'x-request-id': requestId, 'x-forwarded-for': '192.0.2.7' },
})
const sidOf = (token: string) => decodeJwt(token)['sid']

type Case = {
  type: string
  /** Does something to `user` in the request `requestId`, as the user or as the admin. */
  act(user: Person, requestId: string): Promise<{ status: number }>
  actor: 'user' | 'admin' | null
  details?: Record<string, string>
}

const change = (body: object) => (user: Person, requestId: string) =>
  service.call(`PATCH /api/v1/users/${user.id}`, { ...as(admin.access_token, requestId), body })
const login = (password: string) => (user: Person, requestId: string) =>
  service.call('POST /api/v1/auth/login', {
    ...as(undefined, requestId),
    body: { email: user.email, password },
  })
const reuse = async (user: Person, requestId: string) => {
  await service.refresh(user.refresh_token)
  service.clock.advance(11)
  return service.call('POST /api/v1/auth/refresh', {
    ...as(undefined, requestId),
    body: { refresh_token: user.refresh_token },
  })
}

const cases: Case[] = [
  { type: 'sign_in.succeeded', act: login(aPassword), actor: null },
  { type: 'sign_in.failed', act: login('not the password'), actor: null },
  { type: 'refresh.reused', act: reuse, actor: null },
  {
    type: 'session.revoked',
    act: (user, id) => service.call('POST /api/v1/auth/logout-all', as(user.access_token, id)),
    actor: 'user',
    details: { reason: 'logged_out' },
  },
  {
    type: 'session.revoked',
    act: (user, id) => service.call('POST /api/v1/auth/logout', as(user.access_token, id)),
    actor: 'user',
    details: { reason: 'logged_out' },
  },
  {
    type: 'session.revoked',
    act: ({ refresh_token }, id) =>
      service.call('POST /api/v1/auth/logout', { ...as(undefined, id), body: { refresh_token } }),
    actor: 'user',
    details: { reason: 'logged_out' },
  },
  {
    type: 'session.revoked',
    act: (user, id) => service.call(`DELETE /api/v1/users/${user.id}/sessions`, as(admin.access_token, id)),
    actor: 'admin',
    details: { reason: 'ended_by_admin' },
  },
  {
    type: 'password.changed',
    act: (user, id) =>
      service.call('POST /api/v1/auth/password', {
        ...as(user.access_token, id),
        body: { current_password: aPassword, new_password: 'another horse battery' },
      }),
    actor: 'user',
  },
  { type: 'password.changed', act: change({ password: 'another horse battery' }), actor: 'admin' },
  {
    type: 'email.changed',
    act: (user, id) =>
      service.call('PATCH /api/v1/users/me', {
        ...as(user.access_token, id),
        body: { email: service.newEmail(), current_password: aPassword },
      }),
    actor: 'user',
  },
  {
    type: 'role.changed',
    act: change({ role: 'admin' }),
    actor: 'admin',
    details: { from: 'user', to: 'admin' },
  },
  { type: 'user.deactivated', act: change({ is_active: false }), actor: 'admin' },
  {
    type: 'user.deleted',
    act: (user, id) => service.call(`DELETE /api/v1/users/${user.id}`, as(admin.access_token, id)),
    actor: 'admin',
    details: { role: 'user' },
  },
  {
    type: 'user.deleted',
    act: (user, id) =>
      service.call('DELETE /api/v1/users/me', {
        ...as(user.access_token, id),
        body: { current_password: aPassword },
      }),
    actor: 'user',
    details: { role: 'user' },
  },
]

/** The session that an event names: the caller's, the one that a sign-in opened, or none. */
function sessionIn(type: string, accessToken: string) {
  if (type === 'sign_in.succeeded') return expect.stringMatching(/^[0-9a-f-]{36}$/)
  return /^(session|refresh)/.test(type) ? sidOf(accessToken) : null
}

describe('an event', () => {
  test.each(cases)(
    '$type by $actor is kept and logged with actor, target, address and request id',
    async (one) => {
      const user = await service.enter()
      const requestId = `audit-${crypto.randomUUID()}`
      await one.act(user, requestId)
      const actorId = { user: user.id, admin: admin.id, none: null }[one.actor ?? 'none']
      const found = (await events(`user_id=${user.id}&type=${one.type}`)).filter(
        (event) => event.request_id === requestId,
      )
      expect(found).toEqual([
        {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          type: one.type,
          actor_id: actorId,
          target_id: user.id,
          session_id: sessionIn(one.type, user.access_token),
          ip: '192.0.2.7',
          request_id: requestId,
          details: one.details ?? {},
          created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        },
      ])
      const lines = service.lines.filter((line) => line.event === one.type && line['requestId'] === requestId)
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatchObject({ actorId, targetId: user.id, ip: '192.0.2.7', ...one.details })
    },
  )

  test('user.created has no actor after a registration, and else names the admin', async () => {
    const { id } = await service.register()
    const body = { email: service.newEmail(), password: aPassword, role: 'admin' }
    const made = await service.call('POST /api/v1/users', { token: admin.access_token, body })
    const [own, others] = [await events(`user_id=${id}`), await events(`user_id=${made.body.id}`)]
    expect(own).toMatchObject([{ type: 'user.created', actor_id: null, details: { role: 'user' } }])
    expect(others).toMatchObject([{ type: 'user.created', actor_id: admin.id, details: { role: 'admin' } }])
  })

  test('access.forbidden names the user, the route and the target', async () => {
    const user = await service.enter()
    await service.call('GET /api/v1/users', as(user.access_token, 'tried-it'))
    expect(await events(`user_id=${user.id}&type=access.forbidden`)).toMatchObject([
      {
        actor_id: user.id,
        target_id: null,
        session_id: sidOf(user.access_token),
        request_id: 'tried-it',
        ip: '192.0.2.7',
        details: { method: 'GET', route: '/api/v1/users' },
      },
    ])
    const victim = await service.register()
    await service.call(`DELETE /api/v1/users/${victim.id}`, { token: user.access_token })
    await service.call('DELETE /api/v1/users/everybody', { token: user.access_token })
    expect(await events(`user_id=${victim.id}&type=access.forbidden`)).toMatchObject([
      { actor_id: user.id, details: { method: 'DELETE', route: '/api/v1/users/:id' } },
    ])
  })

  test('setting is_active to the value that it has records no event', async () => {
    const user = await service.register()
    for (const is_active of [true, false, false, true, true])
      await service.call(`PATCH /api/v1/users/${user.id}`, {
        token: admin.access_token,
        body: { is_active, role: 'user' },
      })
    const types = (await events(`user_id=${user.id}`)).map(({ type }) => type)
    expect(types).toEqual(['user.activated', 'user.deactivated', 'user.created'])
  })

  test('sign_in.failed for an unknown address has no target and does not contain the address', async () => {
    const email = service.newEmail()
    await service.call('POST /api/v1/auth/login', {
      ...as(undefined, 'nobody'),
      body: { email, password: aPassword },
    })
    const [event] = (await events('type=sign_in.failed')).filter(({ request_id }) => request_id === 'nobody')
    expect(event).toMatchObject({ actor_id: null, target_id: null })
    expect(JSON.stringify(event)).not.toContain(email.split('@')[0] ?? email)
  })
})

describe('a change that fails', () => {
  test('leaves no audit event and no audit log line', async () => {
    const [user, other] = [await service.enter(), await service.register()]
    const before = await events(`user_id=${user.id}`)
    const taken = { email: other.email, role: 'admin', is_active: false, password: 'another horse battery' }
    const answer = await change(taken)(user, 'failing')
    expect(outcome(await service.me(user.access_token))).toEqual([200])
    expect(answer.status).toBe(409)
    expect(await events(`user_id=${user.id}`)).toEqual(before)
    const lines = service.lines.filter((line) => line['requestId'] === 'failing').map(({ event }) => event)
    expect(lines).toEqual(['http.request'])
  })

  test('a registration with a taken address leaves no audit event', async () => {
    const { email } = await service.register()
    const body = { email, password: aPassword }
    await service.call('POST /api/v1/auth/register', { ...as(undefined, 'again'), body })
    const created = await events('type=user.created')
    expect(created.filter(({ request_id }) => request_id === 'again')).toEqual([])
  })
})

describe('a client that disconnects before the response', () => {
  test('is recorded with its address', async () => {
    const ends = Array.from({ length: 10 }, async () => {
      const { access_token: token } = await service.enter()
      const requestId = `gone-${crypto.randomUUID()}`
      const head = `POST /api/v1/auth/logout-all HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\n`
      const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
      socket.write(`${head}X-Request-Id: ${requestId}\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy())
      return eventually(() =>
        service.lines.find((line) => line.event === 'session.revoked' && line['requestId'] === requestId),
      )
    })
    for (const line of await Promise.all(ends)) expect(line['ip']).toBe('127.0.0.1')
  })
})

describe('GET /api/v1/audit-events', () => {
  test('lists each event once, newest first, while new ones arrive', async () => {
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await service.call(
        `GET /api/v1/audit-events?limit=5${cursor && `&cursor=${cursor}`}`,
        {
          token: admin.access_token,
        },
      )
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor ?? ''
      await service.register()
    } while (cursor && seen.length < 60)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toEqual(seen.toSorted().toReversed())
  })

  test('filters by user, as actor or target, and by type', async () => {
    const user = await service.enter()
    const all = await events(`user_id=${user.id}&limit=1`)
    expect(all.map(({ type }) => type)).toEqual(['sign_in.succeeded', 'user.created'])
    const acted = await events(`user_id=${admin.id}&type=user.deactivated`)
    expect(new Set(acted.map(({ actor_id }) => actor_id))).toEqual(new Set([admin.id]))
    expect(await events(`user_id=${user.id}&type=user.deleted`)).toEqual([])
  })

  test.each(['type=x', 'type=', 'user_id=x', 'user_id=me', 'limit=0', 'limit=1e3', 'cursor=x', 'actor_id=x'])(
    'refuses ?%s',
    async (query) => {
      const answer = await service.call(`GET /api/v1/audit-events?${query}`, { token: admin.access_token })
      expect(outcome(answer).slice(0, 2)).toEqual([422, 'validation_failed'])
    },
  )

  test('is for admins only and read-only', async () => {
    const user = await service.enter()
    expect((await service.call('GET /api/v1/audit-events')).status).toBe(401)
    const { access_token: token } = user
    expect((await service.call('GET /api/v1/audit-events', { token })).status).toBe(403)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await service.call(`${method} /api/v1/audit-events`, { token: admin.access_token })
      expect(outcome(answer)).toEqual([405, 'method_not_allowed'])
    }
  })
})
