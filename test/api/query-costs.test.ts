import { beforeAll, describe, expect, test } from 'bun:test'
import * as audit from '../../src/modules/audit/repo'
import * as realtime from '../../src/modules/realtime/repo'
import * as sessions from '../../src/modules/sessions/repo'
import type { Db } from '../../src/postgres/rows'
import { readsOf } from '../support/query-plans'
import { useService } from '../support/service'

const service = useService()

const accounts = 200
const sessionsOfOthers = 4000
const sessionsOfOne = 2000
const openSessions = 50
let busy = { id: '', email: '' }

// Ids as the service makes them: the time comes first, so that the newest has the highest.
const ids = (from: string) =>
  `(lpad(to_hex((extract(epoch from now()) * 1000)::bigint - ${from}), 12, '0') || '7000a000' || substr(md5(random()::text), 1, 12))::uuid`

beforeAll(async () => {
  busy = await service.register()
  await service.sql`insert into users (id, email, email_normalised, password_hash, role, is_active, created_at, updated_at)
    select gen_random_uuid(), i || '@cost.example', i || '@cost.example', 'x', 'user', true, now(), now()
    from generate_series(1, ${accounts}::int) i`
  await service.sql.unsafe(`insert into sessions (id, user_id, ip, created_at, last_used_at, expires_at)
    select ${ids('i')}, u.id, '203.0.113.9', now(), now(), now() + interval '30 days'
    from generate_series(1, ${sessionsOfOthers / accounts}) i, users u where u.email like '%@cost.example'`)
  await service.sql.unsafe(
    `insert into sessions (id, user_id, ip, created_at, last_used_at, expires_at, revoked_at, revoke_reason)
    select ${ids('i')}, $1::uuid, '198.51.100.' || i % 200, now(), now(), now() + interval '30 days',
      case when i > ${openSessions} then now() end, case when i > ${openSessions} then 'too_many_sessions' end
    from generate_series(1, ${sessionsOfOne}) i`,
    [busy.id],
  )
  await service.sql`analyze`
})

describe('an account with 2,000 sessions of 30 days, among others', () => {
  const now = new Date()
  const read = (work: Parameters<typeof readsOf>[2]) => readsOf(service.sql, 'sessions', work)

  test('lists its open ones without reading the others', async () => {
    const page = { userId: busy.id, now, limit: 50 }
    const first = await read((db) => sessions.listLive(db, { ...page, before: null }))
    expect(first).toEqual({ indexes: ['sessions_open_idx'], scans: 0, rows: openSessions })
    const [last] = (await sessions.listLive(service.deps.db, { ...page, before: null })).slice(19)
    const next = await read((db) => sessions.listLive(db, { ...page, before: String(last?.id), limit: 10 }))
    expect(next).toEqual({ indexes: ['sessions_open_idx'], scans: 0, rows: 11 })
  })

  test('is held to its 50 open ones without reading the others', async () => {
    const why = { reason: 'too_many_sessions', now } as const
    const { indexes, scans, rows } = await read((db) =>
      sessions.revokeOldest(db, { userId: busy.id, max: 40 }, why),
    )
    expect([indexes, scans]).toEqual([['sessions_open_idx', 'sessions_pkey'], 0])
    expect(rows).toBeLessThanOrEqual(openSessions + 10)
  })

  test('ends a session without reading the tokens that were used in it', async () => {
    const [session] = await sessions.listLive(service.deps.db, {
      userId: busy.id,
      now,
      before: null,
      limit: 1,
    })
    const sessionId = String(session?.id)
    await service.sql`insert into tokens (id, session_id, user_id, token_type, jti_hash, created_at, expires_at, used_at)
      select gen_random_uuid(), ${sessionId}, ${busy.id}, 'refresh', decode(md5(i::text), 'hex'), now(),
        now() + interval '7 days', case when i > 1 then now() end
      from generate_series(1, 3000) i`
    await service.sql`analyze tokens`
    const { indexes, scans, rows } = await readsOf(service.sql, 'tokens', (db) =>
      sessions.revokeOne(db, { sessionId, userId: busy.id }, { reason: 'logged_out', now }),
    )
    expect([indexes, scans, rows]).toEqual([['tokens_open_idx'], 0, 1])
  })

  test('signs in without a look at more than the newest 200', async () => {
    const found = await read((db) => sessions.signInsOf(db, busy.email))
    expect(found).toEqual({ indexes: ['sessions_user_id_id_idx'], scans: 0, rows: 200 })
    const { userId, addresses } = await sessions.signInsOf(service.deps.db, busy.email)
    expect([userId, addresses.length]).toEqual([busy.id, 50])
  })
})

describe('a batch of the cleanup, when little has expired', () => {
  const before = new Date('2021-01-01')
  const old = '2020-01-01'
  const aging = [
    ['sessions', 'expires_at'],
    ['tokens', 'expires_at'],
    ['ws_tickets', 'expires_at'],
    ['channel_messages', 'sent_at'],
    ['channels', 'used_at'],
  ] as const
  const oldId = '01700000-0000-7000-8000-000000000000'

  beforeAll(async () => {
    const { sql } = service
    const [session] = await sessions.listLive(service.deps.db, {
      userId: busy.id,
      now: new Date(),
      before: null,
      limit: 1,
    })
    const [sessionId, userId] = [String(session?.id), busy.id]
    await sql`insert into tokens (id, session_id, user_id, token_type, jti_hash, created_at, expires_at)
      select gen_random_uuid(), ${sessionId}, ${userId}, 'refresh', decode(md5('new' || i), 'hex'), now(), now() from generate_series(1, 3000) i`
    await sql.unsafe(`insert into audit_events (id, type, details, created_at)
      select ${ids('i')}, 'user.created', '{}', now() from generate_series(1, 3000) i`)
    await sql`insert into ws_tickets (ticket_hash, session_id, user_id, token_expires_at, expires_at)
      select decode(md5(i::text), 'hex'), ${sessionId}, ${userId}, now(), now() from generate_series(1, 3000) i`
    await sql`insert into channel_messages (channel, "offset", data, from_user_id, sent_at)
      select 'room:' || i % 9, i, '1', ${userId}, now() from generate_series(1, 3000) i`
    await sql`insert into channels (name, last_offset, used_at)
      select 'room:' || i, 1, now() from generate_series(1, 3000) i`
    await sql`update audit_events set id = ${oldId} where id in (select id from audit_events limit 1)`
    // As after a round that has deleted thousands: PostgreSQL believes that they are still there.
    for (const [table, column] of aging) await sql`update ${sql(table)} set ${sql(column)} = ${old}`
    await sql`analyze`
    for (const [table, column] of aging)
      await sql`update ${sql(table)} set ${sql(column)} = now()
        where ctid <> all (array(select ctid from ${sql(table)} limit 3))`
  })

  test.each([
    ['sessions', 'sessions_expires_at_idx', (db: Db) => sessions.deleteExpired(db, before, 500)],
    ['tokens', 'tokens_expires_at_idx', (db: Db) => sessions.deleteExpiredTokens(db, before, 500)],
    [
      'audit_events',
      'audit_events_pkey',
      (db: Db) => audit.deleteBefore(db, '01710000-0000-7000-8000-000000000000', 500),
    ],
    ['ws_tickets', 'ws_tickets_expires_at_idx', (db: Db) => realtime.deleteExpiredTickets(db, before, 500)],
    [
      'channel_messages',
      'channel_messages_sent_at_idx',
      (db: Db) => realtime.deleteMessages(db, before, 500),
    ],
    ['channels', 'channels_used_at_idx', (db: Db) => realtime.deleteChannels(db, before, 500)],
  ])('of %s reads what %s finds', async (table, index, work) => {
    let deleted = 0
    const { indexes, scans, rows } = await readsOf(service.sql, table, async (db) => {
      deleted = await work(db)
    })
    expect([indexes.includes(index), scans]).toEqual([true, 0])
    expect([deleted, rows]).toEqual(table === 'audit_events' ? [1, 2] : [3, 6])
  })
})
