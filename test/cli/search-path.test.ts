import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { migrations } from '../../src/postgres/migrations'
import { createMovableClock } from '../support/clock'
import { createTestDatabase, serverUrl } from '../support/database'
import { startTestService } from '../support/service'

setDefaultTimeout(60_000)

/** Runs `work` on a database with an installation in `public`, and checks afterwards that it is as it was. */
async function besideAnother(work: (sql: Sql, url: string) => Promise<void>) {
  const { url, drop } = await createTestDatabase()
  const other = await startIn(String(url))
  const before = await other.sql`select count(*) from users`
  const sql = postgres(String(url), { max: 1, fetch_types: false })
  await work(sql, String(url))
  expect(await other.sql`select count(*) from users`).toEqual(before)
  await other.stop()
  await sql.end()
  await drop()
}

const startIn = (databaseUrl: string) =>
  startTestService({}, { beside: { databaseUrl, clock: createMovableClock() } })

/** A service on `url` has its tables in `schema`, and all its foreign keys stay there. */
async function expectAllIn(schema: string, { sql, url }: { sql: Sql; url: string }) {
  const service = await startIn(url)
  const user = await service.enter()
  expect((await service.refresh(user.refresh_token)).status).toBe(200)
  expect(service.lines).toContainEqual(expect.objectContaining({ event: 'service.ready', schema }))
  await service.stop()
  const keys = await sql`
    select conname from pg_constraint where contype = 'f' and connamespace = to_regnamespace(quote_ident(${schema}))`
  const away = await sql`
    select conname from pg_constraint c join pg_class parent on parent.oid = c.confrelid
    where contype = 'f' and connamespace = to_regnamespace(quote_ident(${schema})) and parent.relnamespace <> connamespace`
  expect([keys.length > 5, [...away]]).toEqual([true, []])
}

// The embedded database has the schema `public` and no other.
describe.skipIf(serverUrl === null)('tables outside of public, beside another installation', () => {
  test('with a search_path in DATABASE_URL', () =>
    besideAnother(async (sql, url) => {
      await sql`create schema "Auth 1"`
      await expectAllIn('Auth 1', { sql, url: `${url}?search_path=${encodeURIComponent('"Auth 1"')}` })
    }))

  test('with the search_path of a database', () =>
    besideAnother(async (sql, url) => {
      await sql`create schema auth`
      await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} set search_path = auth`)
      await expectAllIn('auth', { sql, url })
      await sql.unsafe(`alter database ${new URL(url).pathname.slice(1)} reset search_path`)
    }))

  test('where an earlier version made foreign keys to the tables in public', () =>
    besideAnother(async (sql, url) => {
      await sql`create schema auth`
      await sql`set search_path = auth`
      await sql`create table fastkit_migrations
        (name text primary key, hash text not null, applied_at timestamptz not null default now())`
      for (const { name, sql: text } of migrations.slice(0, 4)) {
        await sql.unsafe(text)
        const hash = new Bun.CryptoHasher('sha256').update(text).digest('hex')
        await sql`insert into fastkit_migrations (name, hash) values (${name}, ${hash})`
      }
      await expectAllIn('auth', { sql, url: `${url}?search_path=auth` })
    }))

  test('in the schema of the user', async () => {
    const { url, drop } = await createTestDatabase()
    const sql = postgres(String(url), { max: 1, fetch_types: false })
    const { username } = new URL(String(url))
    await sql`create schema ${sql(username)}`
    await expectAllIn(username, { sql, url: String(url) })
    await sql.end()
    await drop()
  })
})
