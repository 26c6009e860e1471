import { afterAll, beforeAll, expect, test } from 'bun:test'
import { enterAsAdmin } from '../support/people'
import { type Service, startTestService } from '../support/service'

let service: Service
beforeAll(async () => {
  service = await startTestService()
})
afterAll(() => service.stop())

test('a response that breaks its own schema is a 500 that repeats nothing of it', async () => {
  const [admin, user] = [await enterAsAdmin(service), await service.enter()]
  await service.sql`alter table users drop constraint users_role_check`
  await service.sql`update users set role = 'stowaway' where id = ${user.id}`
  const answer = await service.call(`GET /api/v1/users/${user.id}`, { token: admin.access_token })
  expect([answer.status, answer.body.code]).toEqual([500, 'internal'])
  expect(answer.text).not.toMatch(/stowaway|role/)
  expect(JSON.stringify(service.lines)).not.toContain('stowaway')
})
