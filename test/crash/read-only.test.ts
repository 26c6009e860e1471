import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres, { type Sql } from 'postgres'
import { createMovableClock } from '../support/clock'
import { eventually } from '../support/eventually'
import { noOwnPostgres, type OwnPostgres, startOwnPostgres } from '../support/own-postgres'
import { startTestService } from '../support/service'

describe.skipIf(noOwnPostgres !== null)('a server that becomes read-only and stays up', () => {
  let own: OwnPostgres
  let service: Awaited<ReturnType<typeof startTestService>>
  let watcher: Sql
  beforeAll(async () => {
    own = await startOwnPostgres()
    service = await startTestService({}, { beside: { databaseUrl: own.url, clock: createMovableClock() } })
    watcher = postgres(own.superUrl, {
      max: 1,
      fetch_types: false,
      connection: { application_name: 'watcher' },
    })
  }, 60_000)
  afterAll(async () => {
    await service.stop()
    await watcher.end()
    await own.remove()
  })

  const ready = async () => (await service.call('GET /readyz')).status
  const backends = async (): Promise<number[]> =>
    (await watcher`select pid from pg_stat_activity where application_name like 'fastkit%'`).map(
      ({ pid }) => pid,
    )

  test('is left with all connections, also those of the listener and the probe, for one that accepts writes', async () => {
    const { access_token } = await service.enter()
    expect(await ready()).toBe(200)
    const before = await backends()
    expect(before.length).toBeGreaterThanOrEqual(3)
    // What is open gets read-only, and what is opened from now on is not, as after a failover behind one address.
    await own.run(
      `alter role fastkit set default_transaction_read_only = off`,
      `alter system set default_transaction_read_only = on`,
      `select pg_reload_conf()`,
    )
    // Nobody writes: only the probe and the listener can notice.
    const startedAt = performance.now()
    await eventually(async () => {
      await service.me(access_token)
      await ready()
      const now = await backends()
      return now.some((pid) => before.includes(pid)) ? null : now
    })
    const spent = performance.now() - startedAt
    await eventually(async () => ((await ready()) === 200 && service.listener.isLive ? true : null))
    expect(spent).toBeLessThan(10_000)
    expect((await service.enter()).access_token).toBeString()
  })

  test('that has no successor makes the instance not ready, and reads are served', async () => {
    const { access_token } = await service.enter()
    await own.run(
      `set default_transaction_read_only = off`,
      `alter role fastkit set default_transaction_read_only = on`,
    )
    await own.run(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'fastkit%'`,
    )
    await eventually(async () => ((await ready()) === 503 ? true : null))
    await eventually(async () => ((await service.me(access_token)).status === 200 ? true : null))
    expect(service.listener.isLive).toBe(false)
    await own.run(
      `set default_transaction_read_only = off`,
      `alter role fastkit set default_transaction_read_only = off`,
      `alter system reset default_transaction_read_only`,
      `select pg_reload_conf()`,
    )
    await eventually(async () => ((await ready()) === 200 && service.listener.isLive ? true : null))
  })
})
