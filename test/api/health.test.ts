import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createApp } from '../../src/app'
import { createLifecycle, type Lifecycle } from '../../src/core/service-lifecycle'
import { createTestDatabase } from '../support/database'
import { type Service, startTestService } from '../support/service'
import { createTap, type Tap } from '../support/tap'

let service: Service
let tap: Tap | null = null
let drop = async () => {
  // Nothing is there yet.
}
beforeAll(async () => {
  const database = await createTestDatabase()
  drop = database.drop
  tap = database.url === null ? null : await createTap(database.url)
  service = await startTestService({ ...(tap && { DATABASE_URL: tap.url }), DB_STATEMENT_TIMEOUT: '5s' })
})
afterAll(async () => {
  await service.stop()
  tap?.close()
  await drop()
})

const allWell = (lagMilliseconds = 0) => ({
  database: 'ok',
  migrations: 'ok',
  durability: service.databaseUrl ? 'ok' : 'off',
  event_loop: lagMilliseconds > 200 ? 'late' : 'ok',
  draining: 'ok',
})

/** The database answers nobody until `work` is done: the network swallows all, or its only connection is busy. */
async function whileSilent(work: () => Promise<void>) {
  if (!tap) return await service.sql.begin(work)
  tap.freeze()
  await work().finally(tap.thaw)
}

/** The answer of the service in a state of its life that it is not in now. */
function readyzIn(enter: (lifecycle: Lifecycle) => void): Promise<Response> {
  const lifecycle = createLifecycle(service.lifecycle.durability)
  enter(lifecycle)
  return createApp({ ...service, lifecycle }).handle(new Request('http://localhost/readyz'))
}

describe('GET /livez', () => {
  test('answers whatever the database does', async () => {
    const { status, body } = await service.call('GET /livez')
    expect([status, body]).toEqual([200, { status: 'ok' }])
    await whileSilent(async () => expect((await service.call('GET /livez')).status).toBe(200))
  })
})

describe('GET /readyz', () => {
  test('answers 200 and each check', async () => {
    const { status, body } = await service.call('GET /readyz')
    expect([status, body]).toEqual([
      200,
      { status: 'ok', checks: allWell(body.event_loop_lag_ms), event_loop_lag_ms: expect.any(Number) },
    ])
  })

  test.each([
    ['migrations are not applied', () => undefined, { migrations: 'pending' }],
    [
      'the process is draining',
      (lifecycle: Lifecycle) => {
        lifecycle.markMigrated()
        lifecycle.startDraining()
      },
      { draining: 'draining' },
    ],
  ])('answers 503 while %s', async (_, enter, check) => {
    const answer = await readyzIn(enter)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await answer.json()).toMatchObject({ status: 'unavailable', checks: { ...allWell(), ...check } })
    expect((await service.call('GET /readyz')).status).toBe(200)
  })

  test('tells that the event loop is late, which moves no requests to other instances', async () => {
    const answer = await readyzIn((lifecycle) => {
      lifecycle.markMigrated()
      lifecycle.observeLag(200.6)
    })
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'ok', checks: { ...allWell(), event_loop: 'late' }, event_loop_lag_ms: 201 },
    ])
  })

  test('answers 503 when the database is silent, in a second, and 200 once it is back', async () => {
    await whileSilent(async () => {
      const { status, body } = await untilReadyIs(503)
      const wanted = { ...allWell(body.event_loop_lag_ms), database: 'unavailable' }
      expect([status, body.checks]).toEqual([503, wanted])
    })
    const { body } = await untilReadyIs(200)
    expect(body.checks).toEqual(allWell(body.event_loop_lag_ms))
  })

  test('answers thousands while others work', async () => {
    const { access_token: token } = await service.enter()
    const probes = Array.from({ length: 20 }, async () => {
      for (let n = 0; n < 100; n++) expect((await service.call('GET /readyz')).status).toBe(200)
    })
    const names = Array.from({ length: 50 }, (_, n) => `Ada ${n}`)
    for (const display_name of names)
      expect((await service.call('PATCH /api/v1/users/me', { token, body: { display_name } })).status).toBe(
        200,
      )
    await Promise.all(probes)
  })

  test('tells neither version nor address', async () => {
    expect((await service.call('GET /readyz')).text).not.toMatch(/version|postgres|127\.0|\//i)
  })
})

/** One answer of the probe serves half a second, so a change shows a little later. */
async function untilReadyIs(wanted: number) {
  const until = performance.now() + 4000
  while (performance.now() < until) {
    const answer = await service.call('GET /readyz')
    if (answer.status === wanted) return answer
  }
  throw new Error(`the service did not answer ${wanted}`)
}
