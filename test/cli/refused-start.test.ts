import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import postgres, { type Sql } from 'postgres'
import { loadConfig } from '../../src/core/config'
import { migrate } from '../../src/postgres/migrate'
import { migrations } from '../../src/postgres/migrations'
import { openStorage } from '../../src/server/storage'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { createOperator } from '../support/operator'
import { testSecret } from '../support/service'

const { emptyDir, launch, clear } = createOperator()
let drop = nothing

setDefaultTimeout(60_000)
afterEach(() => drop())
afterAll(clear)

/** Starts a service on a database that was migrated and then changed. Returns how it ended. */
async function startAfter(change: (sql: Sql) => Promise<unknown>) {
  const cwd = emptyDir()
  const database = await createTestDatabase()
  drop = database.drop
  const env = { JWT_SECRET: testSecret, ...(database.url && { DATABASE_URL: String(database.url) }) }
  const storage = await openStorage(
    loadConfig({ ...env, DATA_DIR: join(cwd, 'data'), EMBEDDED_FSYNC: 'off' }),
  )
  await migrate(storage.database.sql, migrations)
  await change(storage.database.sql)
  await storage.close()
  const service = launch({ cwd, env })
  const { err, reason } = await service.until('service.failed')
  // The process is ending already, so the signal does not change its exit code.
  return { err, reason, exitCode: await service.end('SIGCONT') }
}

describe('a start is refused, and the log says why', () => {
  test('when a migration was edited after it was applied', async () => {
    const { reason, exitCode, err } = await startAfter(
      (sql) => sql`update fastkit_migrations set hash = 'another' where name = '0001_audit_and_cleanup'`,
    )
    expect(reason).toBe('migration 0001_audit_and_cleanup is not the one that was applied')
    expect([exitCode, err]).toEqual([1, expect.objectContaining({ type: 'MigrationRefused' })])
  })

  test('when the database is newer than the executable', async () => {
    const { reason, exitCode, err } = await startAfter(
      (sql) => sql`insert into fastkit_migrations (name, hash) values ('9999_later', 'its')`,
    )
    expect(reason).toBe('the database is newer than this executable: it has migration 9999_later')
    expect([exitCode, err]).toEqual([1, expect.objectContaining({ type: 'MigrationRefused' })])
  })

  test('when a migration conflicts with the existing schema', async () => {
    const { reason, exitCode, err } = await startAfter(
      (sql) => sql`delete from fastkit_migrations where name = '0002_realtime'`,
    )
    expect(reason).toMatch(/^relation "\w+" already exists$/)
    expect([exitCode, err]).toEqual([1, expect.objectContaining({ type: 'PostgresError', code: '42P07' })])
  })

  test.skipIf(serverUrl === null)('when the database does not have the encoding UTF8', async () => {
    const database = await createTestDatabase(
      "encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'",
    )
    drop = database.drop
    const service = launch({
      cwd: emptyDir(),
      env: { JWT_SECRET: testSecret, DATABASE_URL: String(database.url) },
    })
    const { reason } = await service.until('service.failed')
    expect(reason).toBe(
      'the database has the encoding SQL_ASCII; create one with: createdb --encoding=UTF8 --template=template0',
    )
    expect(await service.end('SIGCONT')).toBe(1)
    const sql = postgres(String(database.url), { max: 1 })
    expect(await sql`select from pg_class where relnamespace = 'public'::regnamespace`).toHaveLength(0)
    await sql.end()
  })
})
