import { describe, expect, test } from 'bun:test'
import { cleanUp } from '../support/cleanup'
import { startTestService, useService } from '../support/service'

const service = useService()

const day = 86_400
const count = async (table: string) => {
  const [row] = await service.sql`select count(*)::int as rows from ${service.sql(table)}`
  return row?.['rows']
}

/** What the cleanup says it deleted, a batch a line. */
const batches = () =>
  service.lines.filter(({ event }) => event === 'cleanup.deleted').map(({ table, rows }) => ({ table, rows }))

describe('the cleanup', () => {
  test('keeps live sessions and tokens', async () => {
    const { access_token, refresh_token } = await service.enter()
    await service.refresh(refresh_token)
    expect(await cleanUp(service.deps)).toBe(0)
    expect((await service.me(access_token)).status).toBe(200)
    expect(await count('tokens')).toBe(2)
  })

  test('deletes expired refresh tokens and keeps their session', async () => {
    service.clock.advance(8 * day)
    expect(await cleanUp(service.deps)).toBe(2)
    expect(await count('tokens')).toBe(0)
    expect(await count('sessions')).toBe(1)
  })

  test('deletes expired sessions, and audit events older than a year', async () => {
    service.clock.advance(23 * day)
    expect(await cleanUp(service.deps)).toBe(1)
    expect(await count('sessions')).toBe(0)
    expect(await count('audit_events')).toBeGreaterThan(0)
    service.clock.advance(400 * day)
    await cleanUp(service.deps)
    expect(await count('audit_events')).toBe(0)
    expect(await count('users')).toBe(1)
  })

  test('deletes in batches of 500 rows', async () => {
    const { id } = await service.register()
    await service.sql`
      insert into sessions (id, user_id, created_at, last_used_at, expires_at)
      select gen_random_uuid(), ${id}, now(), now(), now() from generate_series(1, 1200)`
    const before = batches().length
    expect(await cleanUp(service.deps)).toBe(1200)
    expect(batches().slice(before)).toEqual([500, 500, 200].map((rows) => ({ table: 'sessions', rows })))
  })

  test('sweeps each table until none of it is left, whatever becomes of the others', async () => {
    const { id } = await service.register()
    await service.sql`
      insert into sessions (id, user_id, created_at, last_used_at, expires_at)
      select gen_random_uuid(), ${id}, now(), now(), now() from generate_series(1, 510)`
    await service.sql`insert into channels (name, last_offset, used_at)
      select 'room:' || i, 1, '2020-01-01' from generate_series(1, 510) i`
    await service.sql`insert into channel_messages (channel, "offset", data, from_user_id, sent_at)
      select 'room:' || i, 1, '1', ${id}, '2020-01-01' from generate_series(1, 1010) i`
    await service.sql`insert into ws_tickets (ticket_hash, session_id, user_id, token_expires_at, expires_at)
      select decode(md5(i::text), 'hex'), s.id, ${id}, now(), '2020-01-01'
      from generate_series(1, 20) i, (select id from sessions limit 1) s`
    await service.sql`create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end'`
    await service.sql`create trigger refuse before delete on sessions for each row execute function refuse()`
    const before = batches().length
    await cleanUp(service.deps)
    expect(batches().slice(before)).toEqual([
      { table: 'ws_tickets', rows: 20 },
      { table: 'channel_messages', rows: 500 },
      { table: 'channel_messages', rows: 500 },
      { table: 'channel_messages', rows: 10 },
      { table: 'channels', rows: 500 },
      { table: 'channels', rows: 10 },
    ])
    const failed = service.lines.filter(({ event }) => event === 'cleanup.failed')
    expect(failed.map(({ table }) => table)).toEqual(['sessions'])
    await service.sql`drop trigger refuse on sessions`
    expect(await cleanUp(service.deps)).toBe(510)
  })

  test('runs on one instance at a time', async () => {
    const { id } = await service.register()
    await service.sql`
      insert into sessions (id, user_id, created_at, last_used_at, expires_at)
      select gen_random_uuid(), ${id}, now(), now(), now() from generate_series(1, 400)`
    // The embedded database has one instance, whose rounds run one after the other.
    const other = service.databaseUrl ? await startTestService({}, { beside: service }) : null
    const rows = await Promise.all([service, other ?? service, service].map(({ deps }) => cleanUp(deps)))
    await other?.stop()
    expect(rows.reduce((sum, row) => sum + row)).toBe(400)
  })
})
