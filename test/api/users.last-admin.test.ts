import { beforeEach, describe, expect, test } from 'bun:test'
import { aPassword } from '../support/client'
import { enterAsAdmin, outcome, type Person } from '../support/people'
import { type Service, useService } from '../support/service'

const service = useService()
// Each test makes its own admins.
beforeEach(async () => {
  await service.sql`update users set is_active = false where role = 'admin'`
})

const rounds = 20
const ways: Record<string, (by: Person, of: { id: string }) => ReturnType<Service['call']>> = {
  demote: (by, of) => patch(by, of, { role: 'user' }),
  deactivate: (by, of) => patch(by, of, { is_active: false }),
  delete: (by, of) =>
    of.id === by.id
      ? removeSelf(by)
      : service.call(`DELETE /api/v1/users/${of.id}`, { token: by.access_token }),
}
const removeSelf = ({ access_token: token }: Person) =>
  service.call('DELETE /api/v1/users/me', { token, body: { current_password: aPassword } })
const patch = (by: Person, { id }: { id: string }, body: object) =>
  service.call(`PATCH /api/v1/users/${id}`, { token: by.access_token, body })
const activeAdmins = async () =>
  (await service.sql`select id from users where role = 'admin' and is_active`).map(({ id }) => String(id))
const eventsOf = ({ id }: { id: string }) =>
  service.sql`select type from audit_events where target_id = ${id}
    and type in ('role.changed', 'user.deactivated', 'user.deleted')`

describe('the last active admin', () => {
  test.each(Object.entries(ways))('cannot %s the own account, and nothing changes', async (_, way) => {
    const admin = await enterAsAdmin(service)
    expect(outcome(await way(admin, admin))).toEqual([409, 'last_admin'])
    expect(await activeAdmins()).toEqual([admin.id])
    expect(await eventsOf(admin)).toHaveLength(0)
    expect((await service.me(admin.access_token)).status).toBe(200)
  })

  test('cannot delete the own account through /users/me either', async () => {
    const admin = await enterAsAdmin(service)
    expect(outcome(await removeSelf(admin))).toEqual([409, 'last_admin'])
    await enterAsAdmin(service)
    expect((await removeSelf(admin)).status).toBe(204)
  })

  test('stays the last one next to deactivated admins, and can change other fields', async () => {
    const admin = await enterAsAdmin(service)
    const other = await enterAsAdmin(service)
    expect((await patch(admin, other, { is_active: false })).status).toBe(200)
    expect(outcome(await patch(admin, admin, { role: 'user' }))).toEqual([409, 'last_admin'])
    const both = { role: 'user', display_name: 'Eve' }
    expect(outcome(await patch(admin, admin, both))).toEqual([409, 'last_admin'])
    const rest = { role: 'admin', is_active: true, display_name: 'Ada' }
    expect((await patch(admin, admin, rest)).body.display_name).toBe('Ada')
  })

  test('can resign once there is another admin', async () => {
    const admin = await enterAsAdmin(service)
    const next = await service.enter()
    expect((await patch(admin, next, { role: 'admin' })).status).toBe(200)
    expect((await patch(admin, admin, { role: 'user' })).status).toBe(200)
    expect(await activeAdmins()).toEqual([next.id])
    expect(outcome(await patch(admin, admin, { role: 'admin' }))).toEqual([403, 'forbidden'])
  })
})

describe.each(Object.entries(ways))('two admins who %s', (_, way) => {
  test('each other at the same time: one stays, and both get a response', async () => {
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [await enterAsAdmin(service), await enterAsAdmin(service)]
      const answers = await Promise.all([way(a, b), way(b, a)])
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
      const [refused] = answers.filter(({ status }) => status >= 300)
      expect([401, 403, 404, 409]).toContain(refused?.status ?? 0)
      const left = await activeAdmins()
      expect(left).toHaveLength(1)
      await service.sql`update users set is_active = false where role = 'admin'`
    }
  })

  test('themselves at the same time: one stays', async () => {
    for (let round = 0; round < rounds; round++) {
      const [a, b] = [await enterAsAdmin(service), await enterAsAdmin(service)]
      const answers = await Promise.all([way(a, a), way(b, b)])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([expect.any(Number), 409])
      expect(await activeAdmins()).toHaveLength(1)
      await service.sql`update users set is_active = false where role = 'admin'`
    }
  })
})

describe('a request of an admin during the demotion', () => {
  /** A demotes B while B, whose role was just cached, acts. */
  async function race(act: (b: Person) => ReturnType<Service['call']>, check: (b: Person) => unknown) {
    const a = await enterAsAdmin(service)
    for (let round = 0; round < rounds; round++) {
      const b = await enterAsAdmin(service)
      await service.me(b.access_token)
      const [demotion, answer] = await Promise.all([patch(a, b, { role: 'user' }), act(b)])
      expect(demotion.status).toBe(200)
      expect([200, 201, 204, 401, 403]).toContain(answer.status)
      await check(b)
    }
  }

  test('cannot restore the role', () =>
    race(
      (b) => patch(b, b, { role: 'admin', is_active: true }),
      async (b) => expect(outcome(await patch(b, b, { role: 'admin' }))).toEqual([403, 'forbidden']),
    ))

  test('creates no admin after the demotion', async () => {
    const made = { password: aPassword, role: 'admin' }
    await race(
      (b) =>
        service.call('POST /api/v1/users', {
          token: b.access_token,
          body: { ...made, email: service.newEmail() },
        }),
      async (b) => {
        const events = await service.sql`select type, actor_id from audit_events
          where (type = 'role.changed' and target_id = ${b.id}) or (type = 'user.created' and actor_id = ${b.id})
          order by id desc`
        expect(events[0]?.['type']).toBe('role.changed')
      },
    )
  })
})
