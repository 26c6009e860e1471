import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { aPassword } from '../support/client'
import { createMovableClock } from '../support/clock'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { eventually } from '../support/eventually'
import { startTestService, useService } from '../support/service'

// Every value differs from the default of PostgreSQL.
const unusual = {
  DateStyle: 'German, DMY',
  TimeZone: 'Pacific/Chatham',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
  standard_conforming_strings: 'off',
  client_encoding: 'LATIN1',
  default_transaction_isolation: 'serializable',
  extra_float_digits: '-15',
}

// The embedded database has no settings that another could change.
describe.skipIf(serverUrl === null)('a database with unusual settings', () => {
  let database = { url: null as string | null, drop: nothing }
  beforeAll(async () => {
    database = await createTestDatabase()
    const sql = postgres(String(database.url), { max: 1 })
    const name = new URL(String(database.url)).pathname.slice(1)
    for (const [setting, value] of Object.entries(unusual))
      await sql.unsafe(`alter database ${name} set ${setting} = '${value}'`)
    await sql.end()
  })
  const beside = () => ({ beside: { databaseUrl: database.url, clock: createMovableClock() } })
  const service = useService({}, beside)
  afterAll(() => database.drop())

  /** Fails for a date whose day and month are exchanged, and for a time of another zone. */
  const expectNow = (text: string) => {
    const now = service.clock.now().getTime()
    expect(new Date(text).getTime()).toBeWithin(now - 10_000, now + 1)
  }

  test('does not change what clients read', async () => {
    const email = service.newEmail()
    const { status, body } = await service.call('POST /api/v1/auth/register', {
      body: { email, password: aPassword, display_name: 'Łucja 🦊' },
    })
    expect(status).toBe(201)
    expect(body.display_name).toBe('Łucja 🦊')
    expectNow(body.created_at)
    const signedIn = await service.call('POST /api/v1/auth/login', { body: { email, password: aPassword } })
    const { body: pair } = await service.call('POST /api/v1/auth/refresh', {
      body: { refresh_token: signedIn.body.refresh_token },
    })
    const { body: page } = await service.call('GET /api/v1/users/me/sessions', { token: pair.access_token })
    expect(page.items).toHaveLength(1)
    expectNow(page.items[0].created_at)
    expectNow(page.items[0].last_used_at)
  })

  test('does not change the isolation of transactions: of 20 refreshes at once, every one succeeds', async () => {
    const { refresh_token } = await service.enter()
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.refresh(refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
  })

  test('does not change the connection that hears of other instances', async () => {
    const other = await startTestService({}, { beside: service })
    const { access_token } = await service.enter()
    expect((await other.me(access_token)).status).toBe(200)
    await service.call('POST /api/v1/auth/logout', { token: access_token })
    await eventually(async () => ((await other.me(access_token)).status === 401 ? true : null))
    await other.stop()
  })
})
