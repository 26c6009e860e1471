import { beforeAll, describe, expect, test } from 'bun:test'
import { aPassword } from '../support/client'
import { allPages, enterAsAdmin, outcome, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService()
let admin: Person
beforeAll(async () => {
  admin = await enterAsAdmin(service)
})

const ask = (query: string) => service.call(`GET /api/v1/users${query}`, { token: admin.access_token })
const list = (query: string) => allPages(service, `/api/v1/users${query}`, admin.access_token)
const emailsIn = async (query: string) => (await list(query)).map(({ email }) => email).toSorted()

describe('GET /api/v1/users', () => {
  test.each([
    ...['0', '101', '-1', '1.5', '1e3', '1e1', '0x10', '+5', ' 5', 'abc', '', 'null', 'Infinity', '5,6'].map(
      (limit) => ['limit', limit] as const,
    ),
    ...['x', '', 'null', '0', unpadded('x'), unpadded('0199b2f4'), `${'A'.repeat(201)}`].map(
      (cursor) => ['cursor', cursor] as const,
    ),
    ...['root', '', 'ADMIN'].map((role) => ['role', role] as const),
    ...['yes', '1', '', 'TRUE'].map((isActive) => ['is_active', isActive] as const),
    ['email', 'e'.repeat(255)],
    ['name', 'x'],
    ['offset', '1'],
  ])('refuses %s=%p', async (parameter, value) => {
    const answer = await ask(`?${parameter}=${encodeURIComponent(value)}`)
    expect(outcome(answer)).toEqual([422, 'validation_failed', `/${parameter}`])
  })

  test('gives every user once, newest first, while others are made', async () => {
    const before = await Promise.all(Array.from({ length: 11 }, () => service.register()))
    const seen: string[] = []
    let cursor = ''
    do {
      const { status, body } = await ask(`?limit=3${cursor && `&cursor=${cursor}`}`)
      expect([status, body.items.length <= 3]).toEqual([200, true])
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor ?? ''
      await service.register()
    } while (cursor)
    expect(new Set(seen).size).toBe(seen.length)
    expect(before.filter(({ id }) => !seen.includes(id))).toEqual([])
    expect(seen).toEqual(seen.toSorted().toReversed())
  })

  test('gives every user once while the ones it stands on are deleted', async () => {
    const kept = await Promise.all(Array.from({ length: 6 }, () => service.register()))
    const seen: string[] = []
    let cursor = ''
    do {
      const doomed = await service.register()
      const { body } = await ask(`?limit=2${cursor && `&cursor=${cursor}`}`)
      seen.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor ?? ''
      const last = kept.length > 3 && kept.find(({ id }) => id === seen.at(-1))
      for (const id of [doomed.id, ...(last ? [last.id] : [])])
        await service.call(`DELETE /api/v1/users/${id}`, { token: admin.access_token })
    } while (cursor)
    expect(new Set(seen).size).toBe(seen.length)
    expect(kept.filter(({ id }) => !seen.includes(id))).toEqual([])
  })

  test('has 20 to a page when nothing is said, 100 at most, and no cursor on the last', async () => {
    await Promise.all(Array.from({ length: 21 }, () => service.register()))
    expect((await ask('')).body.items).toHaveLength(20)
    const all = (await ask('?limit=100')).body
    expect(all.next_cursor).toBeNull()
    const exact = (await ask(`?limit=${all.items.length}`)).body
    expect([exact.items.length, exact.next_cursor]).toEqual([all.items.length, null])
  })

  test('filters by role and state, together with the rest', async () => {
    const token = admin.access_token
    const mark = `mark${Date.now()}`
    const make = (role: string, is_active: boolean) =>
      service.call('POST /api/v1/users', {
        token,
        body: { email: `${mark}-${role}-${is_active}@example.com`, password: aPassword, role, is_active },
      })
    for (const role of ['user', 'admin']) for (const isActive of [true, false]) await make(role, isActive)
    expect(await emailsIn(`?email=${mark}`)).toHaveLength(4)
    expect(await emailsIn(`?email=${mark}&role=admin&limit=1`)).toHaveLength(2)
    expect(await emailsIn(`?email=${mark}&is_active=false`)).toHaveLength(2)
    expect(await emailsIn(`?email=${mark}&is_active=false&role=user`)).toEqual([
      `${mark}-user-false@example.com`,
    ])
  })

  test('takes the beginning of an address literally, in any case', async () => {
    const emails = ['q%a', 'q_a', 'qxa', 'q.a', "q'a"].map((name) => `${name}@example.com`)
    for (const email of emails) await service.register({ email })
    await service.register({ email: 'zz.q%a@example.com' })
    const found = (prefix: string) => emailsIn(`?email=${encodeURIComponent(prefix)}`)
    expect(await found('q%')).toEqual(['q%a@example.com'])
    expect(await found('q_')).toEqual(['q_a@example.com'])
    expect(await found("q'")).toEqual(["q'a@example.com"])
    expect(await found('q')).toEqual(emails.toSorted())
    expect(await found('Q%A@EXAMPLE')).toEqual(['q%a@example.com'])
    for (const none of ['%', '_', '\\', 'q\\', 'q\\%', 'q%%', "'; drop table users; --"])
      expect(await found(none)).toEqual([])
  })

  test('refuses control characters in an address and finds nothing for half a character', async () => {
    for (const email of ['%00', 'a%00b', '%0a'])
      expect(outcome(await ask(`?email=${email}`))).toEqual([422, 'validation_failed', '/email'])
    for (const email of ['%F0%9F', '%FF', '%ED%A0%80'])
      expect((await ask(`?email=${email}`)).body.items).toEqual([])
  })
})

function unpadded(text: string) {
  return Buffer.from(text).toString('base64url')
}
