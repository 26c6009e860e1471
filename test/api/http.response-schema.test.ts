import { expect, test } from 'bun:test'
import { enterAsAdmin } from '../support/people'
import { useService } from '../support/service'

const service = useService()

test('a response that breaks its own schema is a 500 that repeats nothing of it', async () => {
  const [admin, user] = [await enterAsAdmin(service), await service.enter()]
  await service.sql`alter table users drop constraint users_role_check`
  await service.sql`update users set role = 'stowaway' where id = ${user.id}`
  const answer = await service.call(`GET /api/v1/users/${user.id}`, { token: admin.access_token })
  expect([answer.status, answer.body.code]).toEqual([500, 'internal'])
  expect(answer.text).not.toMatch(/stowaway|role/)
  expect(JSON.stringify(service.lines)).not.toContain('stowaway')
})
