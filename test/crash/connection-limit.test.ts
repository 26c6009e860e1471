import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { createMovableClock } from '../support/clock'
import { noOwnPostgres, type OwnPostgres, startOwnPostgres } from '../support/own-postgres'
import { startTestService } from '../support/service'

// The server keeps three of them for superusers. The service needs one for its listener, and one for its probe.
const maxConnections = 10
const maxForRequests = maxConnections - 3 - 1

describe.skipIf(noOwnPostgres !== null)('a server with fewer connections than DB_POOL_SIZE', () => {
  let own: OwnPostgres
  let service: Awaited<ReturnType<typeof startTestService>>
  beforeAll(async () => {
    own = await startOwnPostgres({ max_connections: maxConnections })
    service = await startTestService(
      { DB_POOL_SIZE: '30' },
      { beside: { databaseUrl: own.url, clock: createMovableClock() } },
    )
  }, 60_000)
  afterAll(async () => {
    // The last check of the test service uses many connections at once.
    await own.run('alter system set max_connections = 60')
    await own.restart()
    await service.stop()
    await own.remove()
  })

  /** The statuses of `total` requests, of which 60 are sent at a time. */
  async function load(total: number) {
    const { access_token } = await service.enter()
    const statuses: number[] = []
    let sent = 0
    const client = async () => {
      while (sent++ < total) statuses.push((await listSessions(access_token)).status)
    }
    await Promise.all(Array.from({ length: 60 }, client))
    return new Map(Object.entries(Object.groupBy(statuses, String)).map(([key, all]) => [key, all?.length]))
  }

  const listSessions = (token: string) => service.call('GET /api/v1/users/me/sessions', { token })

  test('serves every request with the connections it has, and keeps them', async () => {
    await load(200)
    const before = await backends()
    expect(await load(2000)).toEqual(new Map([['200', 2000]]))
    const after = await backends()
    expect(before.length).toBeWithin(maxForRequests - 1, maxForRequests + 1)
    expect(before.filter((pid) => !after.includes(pid))).toEqual([])
    expect((await service.call('GET /readyz')).status).toBe(200)
  })

  test('is logged once a minute, and at the start', async () => {
    const refusals = service.lines.filter(({ event }) => event === 'database.connection_refused')
    expect(refusals).toHaveLength(1)
    const warnings = service.lines.filter(({ event }) => event === 'database.pool_too_large')
    expect(warnings).toEqual([expect.objectContaining({ poolSize: 30, available: maxConnections - 3 })])
  })

  test('serves on when another client takes the last connections, also with no connection of its own', async () => {
    await own.run(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'fastkit'`)
    const others = postgres(own.url, {
      max: maxForRequests - 1,
      fetch_types: false,
      connection: { application_name: 'other' },
    })
    await Promise.all(Array.from({ length: maxForRequests - 1 }, () => others`select pg_sleep(0.2)`))
    // The first of them finds a closed connection, as after every restart.
    await load(100)
    expect(await load(500)).toEqual(new Map([['200', 500]]))
    await others.end()
  })

  /** The processes of the server behind the pool. */
  async function backends(): Promise<number[]> {
    const sql = postgres(own.superUrl, {
      max: 1,
      fetch_types: false,
      connection: { application_name: 'watcher' },
    })
    const rows = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name = 'fastkit' and backend_type = 'client backend'`
    await sql.end()
    return rows.map(({ pid }) => pid)
  }
})
