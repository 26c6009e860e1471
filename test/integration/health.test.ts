import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { type Service, startService } from '../support/service'

let service: Service
beforeAll(async () => {
  service = await startService({ DB_POOL_SIZE: '1', DB_STATEMENT_TIMEOUT: '5s' })
})
afterAll(() => service.stop())

const durability = () => (service.databaseUrl ? 'ok' : 'off')
const allWell = () => ({ database: 'ok', migrations: 'ok', durability: durability(), draining: 'ok' })

/** Keeps the only connection busy, so that the database answers nobody until `work` is done. */
const whileSilent = <T>(work: () => Promise<T>): Promise<unknown> => service.sql.begin(() => work())

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
    expect([status, body]).toEqual([200, { status: 'ok', checks: allWell() }])
  })

  test.each([
    ['migrations are not applied', { isMigrated: false }, { migrations: 'pending' }],
    ['the process is draining', { isDraining: true }, { draining: 'draining' }],
  ])('answers 503 while %s', async (_, state, check) => {
    const before = { ...service.deps.lifecycle }
    Object.assign(service.deps.lifecycle, state)
    const answer = await service.call('GET /readyz')
    Object.assign(service.deps.lifecycle, before)
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
    expect(answer.body).toEqual({ status: 'unavailable', checks: { ...allWell(), ...check } })
    expect((await service.call('GET /readyz')).status).toBe(200)
  })

  test('answers 503 when the database is silent, in a second, and 200 soon after it is back', async () => {
    await whileSilent(async () => {
      const { status, body } = await untilReadyIs(503)
      expect([status, body.checks]).toEqual([503, { ...allWell(), database: 'unavailable' }])
    })
    expect((await untilReadyIs(200)).body.checks).toEqual(allWell())
  })

  test('answers a hundred at once', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => service.call('GET /readyz')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
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
