import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createServer, type Server } from 'node:net'
import postgres, { type Sql } from 'postgres'
import { createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { createPlace } from '../support/tmpfs'

setDefaultTimeout(60_000)

type Place = Awaited<ReturnType<typeof createPlace>>
type Process = ReturnType<Place['launch']>

/** Tolerance for a busy machine. No timer here takes more than a second. */
const promptMilliseconds = 6000

async function expectPromptEnd(service: Process) {
  const startedAt = performance.now()
  expect(await service.end('SIGTERM')).toBe(0)
  expect(performance.now() - startedAt).toBeLessThan(promptMilliseconds)
  expect(service.lines.at(-1)?.event).toBe('service.stopped')
  expect(service.lines.filter(({ level }) => Number(level) >= 50)).toEqual([])
}

async function until(condition: () => Promise<boolean>) {
  for (let attempt = 0; attempt < 500 && !(await condition()); attempt++) await Bun.sleep(20)
  expect(await condition()).toBe(true)
}

describe('a signal during the start', () => {
  test('ends it at any moment, and the next start succeeds', async () => {
    const place = await createPlace()
    try {
      for (const milliseconds of [0, 60, 150, 300, 600, 1000]) {
        const service = place.launch()
        await service.until('service.starting')
        await Bun.sleep(milliseconds)
        await expectPromptEnd(service)
      }
      const service = await place.serve()
      const { access_token } = await createClient(service.url).enter()
      expect((await createClient(service.url).me(access_token)).status).toBe(200)
      expect(await service.end('SIGTERM')).toBe(0)
    } finally {
      await place.clear()
    }
  })
})

describe('a signal while the service waits for the database', () => {
  let place: Place
  let silent: Server
  beforeAll(async () => {
    place = await createPlace()
    silent = createServer(() => {
      // Accepts every connection and sends nothing.
    })
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  })
  afterAll(async () => {
    silent.close()
    await place.clear()
  })
  const portOfSilent = () => {
    const address = silent.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  test.each(['is down', 'sends nothing'])(
    'ends it when it %s; until then it lives and is not ready',
    async (how) => {
      const port = how === 'sends nothing' ? portOfSilent() : 1
      const service = place.launch({ DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/nowhere` })
      const { call } = createClient(String((await service.until('service.listening'))['url']))
      expect((await call('GET /livez')).status).toBe(200)
      const { status, body } = await call('GET /readyz')
      expect([status, body.checks.database, body.checks.migrations]).toEqual([503, 'unavailable', 'pending'])
      if (how === 'is down') await service.until('database.unavailable')
      await expectPromptEnd(service)
    },
  )
})

describe.skipIf(!serverUrl)('a signal during a migration', () => {
  let place: Place
  let sql: Sql
  beforeAll(async () => {
    place = await createPlace()
    sql = postgres(String(place.url), { max: 2 })
  })
  afterAll(async () => {
    await sql.end()
    await place.clear()
  })

  const waiting = async () =>
    (
      await sql`select 1 from pg_stat_activity where datname = current_database() and application_name = 'fastkit'
        and wait_event_type = 'Lock'`
    ).length > 0
  const isAlone = async () =>
    (
      await sql`select 1 from pg_stat_activity where datname = current_database() and application_name like 'fastkit%'`
    ).length === 0
  const tables = async () =>
    (await sql`select tablename from pg_tables where schemaname = 'public' order by 1`).map(
      ({ tablename }) => tablename,
    )

  test('that waits for another instance leaves no waiter on the lock', async () => {
    await sql.begin(async (holder) => {
      await holder`select pg_advisory_xact_lock(7027113395)`
      const service = place.launch()
      await until(waiting)
      await expectPromptEnd(service)
      await until(isAlone)
    })
    expect(await tables()).toEqual([])
  })

  test('that is under way rolls it back at once', async () => {
    const undo = new Error('undone')
    const holding = sql.begin(async (holder) => {
      // The migration creates the same table, so it waits for this transaction.
      await holder`create table tokens (id int)`
      const service = place.launch()
      await until(waiting)
      await expectPromptEnd(service)
      await until(isAlone)
      throw undo
    })
    await expect(holding).rejects.toBe(undo)
    expect(await tables()).toEqual([])
    const service = await place.serve()
    expect(await tables()).toContain('tokens')
    expect(await service.end('SIGTERM')).toBe(0)
  })
})
