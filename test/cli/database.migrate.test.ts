import { afterEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/core/config'
import { openDatabase } from '../../src/postgres/database'
import { isMigrated, MigrationRefused, migrate } from '../../src/postgres/migrate'
import { migrations } from '../../src/postgres/migrations'
import { openStorage } from '../../src/server/storage'
import { createTestDatabase, nothing } from '../support/database'
import { testSecret } from '../support/service'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const names = migrations.map(({ name }) => name)
const scrap = { name: '9998_scraps', sql: 'create table scraps (body text); insert into scraps values (1)' }
const broken = {
  name: '9999_broken',
  sql: 'create table half (a int); insert into half values (1); select 1/0',
}
const mended = { ...broken, sql: 'create table half (a int)' }

/** A new, empty database. */
async function emptyDatabase() {
  const home = mkdtempSync(join(tmpdir(), 'fastkit-test-'))
  const { url, drop } = await createTestDatabase()
  const storage = await openStorage(
    loadConfig({
      DATA_DIR: home,
      DATABASE_URL: url ?? undefined,
      JWT_SECRET: testSecret,
      EMBEDDED_FSYNC: 'off',
    }),
  )
  cleanups.push(() => rmSync(home, { recursive: true, force: true }), drop, storage.close)
  return { sql: storage.database.sql, url }
}

describe('migrations', () => {
  test('are applied once, in order, and recorded', async () => {
    const { sql } = await emptyDatabase()
    expect(await isMigrated(sql, migrations)).toBe(false)
    expect(await migrate(sql, [...migrations, scrap])).toEqual([...names, scrap.name])
    expect(await isMigrated(sql, [...migrations, scrap])).toBe(true)
    expect(await migrate(sql, [...migrations, scrap])).toEqual([])
    expect(await sql`select body from scraps`).toHaveLength(1)
  })

  test('are applied by one of six at once', async () => {
    const { sql, url } = await emptyDatabase()
    // On the embedded database they share its one connection. On a server each has its own.
    const rivals = Array.from({ length: 6 }, () =>
      url ? openDatabase({ url, poolSize: 1, statementTimeoutMilliseconds: 5000 }) : { sql, close: nothing },
    )
    await Promise.all(rivals.map((rival) => migrate(rival.sql, [...migrations, scrap])))
    await Promise.all(rivals.map((rival) => rival.close()))
    expect(await sql`select body from scraps`).toHaveLength(1)
    expect(await sql`select name from fastkit_migrations`).toHaveLength(names.length + 1)
  })

  test('one that fails is rolled back, earlier ones stay, and the corrected one is applied', async () => {
    const { sql } = await emptyDatabase()
    await expect(migrate(sql, [...migrations, scrap, broken])).rejects.toThrow('division by zero')
    expect((await sql`select to_regclass('half') as half`)[0]?.['half']).toBeNull()
    expect(await isMigrated(sql, [...migrations, scrap])).toBe(true)
    expect(await migrate(sql, [...migrations, scrap, mended])).toEqual([mended.name])
  })

  test('one that was edited after it was applied is refused by name', async () => {
    const { sql } = await emptyDatabase()
    await migrate(sql, [...migrations, scrap])
    const edited = { ...scrap, sql: `${scrap.sql} -- later` }
    const refusal = migrate(sql, [...migrations, edited])
    await expect(refusal).rejects.toBeInstanceOf(MigrationRefused)
    await expect(refusal).rejects.toThrow(`migration ${scrap.name} is not the one that was applied`)
  })

  test('a database that is newer than the executable is refused by name, and nothing is applied', async () => {
    const { sql } = await emptyDatabase()
    await migrate(sql, [...migrations, scrap])
    const refusal = migrate(sql, [...migrations, mended])
    await expect(refusal).rejects.toBeInstanceOf(MigrationRefused)
    await expect(refusal).rejects.toThrow(
      `the database is newer than this executable: it has migration ${scrap.name}`,
    )
    expect(await isMigrated(sql, migrations)).toBe(false)
    expect((await sql`select to_regclass('half') as half`)[0]?.['half']).toBeNull()
  })
})

describe('schema', () => {
  // The lists below cover the tables of fastkit alone. New tables need no line here.
  const own = [
    ...[
      'audit_events',
      'channel_members',
      'channel_messages',
      'channels',
      'fastkit_migrations',
      'realtime_instances',
    ],
    ...['realtime_sockets', 'sessions', 'tokens', 'users', 'ws_tickets'],
  ]

  test('of fastkit has these constraints, by name', async () => {
    const { sql } = await emptyDatabase()
    await migrate(sql, migrations)
    // PostgreSQL 18 also lists "not null" constraints.
    const rows = await sql`select conname from pg_constraint join pg_class t on t.oid = conrelid
      where connamespace = 'public'::regnamespace and contype <> 'n' and relname in ${sql(own)} order by 1`
    expect(rows.map(({ conname }) => conname)).toEqual([
      'audit_events_pkey',
      'channel_members_instance_id_fkey',
      'channel_members_pkey',
      'channel_messages_pkey',
      'channels_pkey',
      'fastkit_migrations_pkey',
      'realtime_instances_pkey',
      'realtime_sockets_instance_id_fkey',
      'realtime_sockets_pkey',
      'realtime_sockets_slot_key',
      'sessions_pkey',
      'sessions_revoked_check',
      'sessions_user_id_fkey',
      'tokens_jti_hash_key',
      'tokens_pkey',
      'tokens_replaced_by_fkey',
      'tokens_replaced_by_key',
      'tokens_session_id_fkey',
      'tokens_token_type_check',
      'tokens_user_id_fkey',
      'users_email_normalised_key',
      'users_pkey',
      'users_role_check',
      'ws_tickets_pkey',
      'ws_tickets_session_id_fkey',
    ])
  })

  test('of fastkit has these indexes and no others', async () => {
    const { sql } = await emptyDatabase()
    await migrate(sql, migrations)
    const rows = await sql`select tablename, indexdef from pg_indexes
      where schemaname = 'public' and tablename in ${sql(own)}`
    const found = rows.map(({ tablename, indexdef }) => `${tablename} ${/\(.*\)/.exec(indexdef)?.[0]}`)
    expect(found.toSorted()).toEqual([
      'audit_events (actor_id, id)',
      'audit_events (id)',
      'audit_events (target_id, id)',
      'audit_events (type, id)',
      'channel_members (channel, user_id, instance_id)',
      'channel_members (instance_id)',
      'channel_messages (channel, "offset")',
      'channel_messages (sent_at)',
      'channels (name)',
      'channels (used_at)',
      'fastkit_migrations (name)',
      'realtime_instances (id)',
      'realtime_sockets (id)',
      'realtime_sockets (instance_id)',
      'realtime_sockets (user_id, slot)',
      'sessions (expires_at)',
      'sessions (id)',
      'sessions (user_id, id)',
      'sessions (user_id, id) WHERE (revoked_at IS NULL)',
      'tokens (expires_at)',
      'tokens (id)',
      'tokens (jti_hash)',
      'tokens (replaced_by)',
      'tokens (session_id)',
      'tokens (session_id) WHERE ((used_at IS NULL) AND (revoked_at IS NULL))',
      'tokens (user_id)',
      'users (email_normalised text_pattern_ops)',
      'users (email_normalised)',
      'users (id)',
      "users (id) WHERE ((role = 'admin'::text) AND is_active)",
      'ws_tickets (expires_at)',
      'ws_tickets (session_id)',
      'ws_tickets (ticket_hash)',
    ])
  })

  test('has no constraint and no index with a generated name of Drizzle', async () => {
    const { sql } = await emptyDatabase()
    await migrate(sql, migrations)
    const rows = await sql`select relname as "table", conname as name from pg_constraint
      join pg_class t on t.oid = conrelid where connamespace = 'public'::regnamespace and contype <> 'n'
      union select tablename, indexname from pg_indexes where schemaname = 'public'`
    const chosen = /_(pkey|key|fkey|check|idx)$/
    expect(rows.filter(({ table, name }) => !chosen.test(name) || !name.startsWith(`${table}_`))).toEqual([])
  })

  test('has an index for every foreign key', async () => {
    const { sql } = await emptyDatabase()
    await migrate(sql, migrations)
    const bare = await sql`select conname from pg_constraint c where contype = 'f' and not exists (
      select 1 from pg_index i where i.indrelid = c.conrelid and i.indkey[0] = c.conkey[1])`
    expect([...bare]).toEqual([])
  })
})
