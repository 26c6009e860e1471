import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { locks } from '../../src/postgres/lock-keys'
import { MigrationBlocked, migrate } from '../../src/postgres/migrate'
import { migrations } from '../../src/postgres/migrations'
import { createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { freePort } from '../support/ports'
import { type Service, startTestService } from '../support/service'

const nickname = { name: '9997_nickname', sql: 'alter table users add column nickname text' }
const pet = { name: '9998_pet', sql: 'alter table users add column pet text' }
// A request may wait behind an attempt of a migration, and the machine may be busy.
const maxRequestMilliseconds = 1000 + 1500

// The embedded database has one connection: nobody else can hold a lock there.
describe.skipIf(serverUrl === null)('a migration that waits for a lock', () => {
  let old: Service
  let reader: Sql
  beforeAll(async () => {
    old = await startTestService()
    reader = postgres(String(old.databaseUrl), { max: 1 })
  })
  afterAll(async () => {
    await reader.end()
    await old.stop()
  })

  /** Runs `work` while a transaction is open that has done `statement`, as pg_dump is for hours. */
  const during = (statement: string, work: () => Promise<void>) =>
    reader.begin(async (transaction) => {
      await transaction.unsafe(statement)
      await work()
    })

  /** What requests of the old instance meet for some seconds. */
  async function serveFor(milliseconds: number) {
    const user = await old.enter()
    const until = performance.now() + milliseconds
    const statuses = new Set<number>()
    let slowest = 0
    while (performance.now() < until) {
      const startedAt = performance.now()
      statuses.add(
        await old.signIn(user).then(
          () => 200,
          () => 503,
        ),
      )
      slowest = Math.max(slowest, performance.now() - startedAt)
      await Bun.sleep(20)
    }
    return { statuses: [...statuses], slowest }
  }

  test('leaves the old instance to serve, is not ready meanwhile, and is applied once the reader ends', async () => {
    const port = freePort()
    const readiness = async () => {
      const { status, body } = await createClient(`http://127.0.0.1:${port}`).call('GET /readyz')
      return [status, body.checks.migrations]
    }
    migrations.push(nickname)
    let starting: Promise<Service> | null = null
    await during('select count(*) from users', async () => {
      starting = startTestService({ PORT: String(port) }, { beside: old })
      const { statuses, slowest } = await serveFor(5000)
      expect(statuses).toEqual([200])
      expect(slowest).toBeLessThan(maxRequestMilliseconds)
      expect(await readiness()).toEqual([503, 'pending'])
      expect((await old.call('GET /readyz')).status).toBe(200)
    })
    const fresh = await (starting ?? startTestService())
    migrations.pop()
    expect(await readiness()).toEqual([200, 'ok'])
    const blocked = fresh.lines.filter(({ event }) => event === 'database.migration_blocked')
    expect(blocked.length).toBeGreaterThan(1)
    expect(blocked.every(({ level }) => level === 40)).toBe(true)
    expect(await old.sql`select nickname from users limit 1`).toHaveLength(1)
    await fresh.stop()
  }, 60_000)

  test.each([
    ['a table', 'select count(*) from users'],
    ['the lock of migrations', `select pg_advisory_xact_lock(${locks.migration})`],
  ])('for %s gives a command a clear error in the end, and changes nothing', async (_, statement) => {
    const all = [...migrations, nickname, pet]
    await during(statement, async () => {
      const migrating = migrate(old.sql, all, { maxWaitMilliseconds: 2000 })
      await expect(migrating).rejects.toBeInstanceOf(MigrationBlocked)
      await expect(migrating).rejects.toThrow(
        'migration 9998_pet needs a lock that another transaction holds',
      )
    })
    expect(await old.sql`select name from fastkit_migrations where name = ${pet.name}`).toHaveLength(0)
  })

  test('of a command is applied once the lock is free', async () => {
    let migrating: Promise<string[]> = Promise.resolve([])
    await during('select count(*) from users', async () => {
      migrating = migrate(old.sql, [...migrations, nickname, pet])
      await Bun.sleep(1500)
    })
    expect(await migrating).toEqual([pet.name])
  })
})
