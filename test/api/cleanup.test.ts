import { describe, expect, test } from 'bun:test'
import { sweep } from '../../src/server/cleanup-job'
import { startTestService, useService } from '../support/service'

const service = useService()

const day = 86_400
const count = async (table: string) => {
  const [row] = await service.sql`select count(*)::int as rows from ${service.sql(table)}`
  return row?.['rows']
}

describe('the cleanup', () => {
  test('leaves what still counts', async () => {
    const { access_token, refresh_token } = await service.enter()
    await service.refresh(refresh_token)
    expect(await sweep(service.deps)).toBe(0)
    expect((await service.me(access_token)).status).toBe(200)
    expect(await count('tokens')).toBe(2)
  })

  test('deletes expired refresh tokens and keeps their session', async () => {
    service.clock.advance(8 * day)
    expect(await sweep(service.deps)).toBe(2)
    expect(await count('tokens')).toBe(0)
    expect(await count('sessions')).toBe(1)
  })

  test('deletes expired sessions, and events after more than a year', async () => {
    service.clock.advance(23 * day)
    expect(await sweep(service.deps)).toBe(1)
    expect(await count('sessions')).toBe(0)
    expect(await count('audit_events')).toBeGreaterThan(0)
    service.clock.advance(400 * day)
    await sweep(service.deps)
    expect(await count('audit_events')).toBe(0)
    expect(await count('users')).toBe(1)
  })

  test('goes on in small batches', async () => {
    const { id } = await service.register()
    await service.sql`
      insert into sessions (id, user_id, created_at, last_used_at, expires_at)
      select gen_random_uuid(), ${id}, now(), now(), now() from generate_series(1, 1200)`
    const rounds = []
    for (let rows = await sweep(service.deps); rows > 0; rows = await sweep(service.deps)) rounds.push(rows)
    expect(rounds).toEqual([500, 500, 200])
  })

  test('runs in one instance at a time', async () => {
    const { id } = await service.register()
    await service.sql`
      insert into sessions (id, user_id, created_at, last_used_at, expires_at)
      select gen_random_uuid(), ${id}, now(), now(), now() from generate_series(1, 400)`
    // The embedded database has one instance only, whose rounds come one after the other.
    const other = service.databaseUrl ? await startTestService({}, { beside: service }) : null
    const rows = await Promise.all([service, other ?? service, service].map(({ deps }) => sweep(deps)))
    await other?.stop()
    expect(rows.reduce((sum, row) => sum + row)).toBe(400)
  })
})
