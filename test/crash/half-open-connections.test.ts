import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { createLink, type Link } from '../support/proxy'
import { type Service, startTestService } from '../support/service'

// The embedded database uses no network.
describe.skipIf(serverUrl === null)('half-open connections', () => {
  let here: Service
  let there: Service
  let link: Link
  beforeAll(async () => {
    here = await startTestService()
    link = createLink(String(here.databaseUrl))
    there = await startTestService({ DATABASE_URL: link.url, DB_STATEMENT_TIMEOUT: '1s' }, { beside: here })
  })
  afterAll(async () => {
    await there.stop()
    await here.stop()
    link.close()
  })

  test('are replaced, including that of the listener', async () => {
    const { email, password } = await there.enter()
    const ask = () => there.call('POST /api/v1/auth/login', { body: { email, password } })
    await Promise.all(Array.from({ length: 12 }, ask))
    await until(() => there.listener.isLive)
    link.forget()
    const startedAt = performance.now()
    const statuses: number[] = []
    while (statuses.at(-1) !== 200) {
      await Bun.sleep(20)
      const askedAt = performance.now()
      statuses.push((await ask()).status)
      expect(performance.now() - askedAt).toBeLessThan(1500 + 2500)
      expect(performance.now() - startedAt).toBeLessThan(10_000)
    }
    expect(new Set(statuses)).toEqual(new Set([503, 200]))
    process.stderr.write(
      `forgotten connections are replaced after ${Math.round(performance.now() - startedAt)} ms\n`,
    )
    expect(there.listener.isLive).toBe(false)
    await until(() => there.listener.isLive)
    process.stderr.write(`the link for notices after ${Math.round(performance.now() - startedAt)} ms\n`)
  })
})

async function until(condition: () => boolean) {
  for (const end = performance.now() + 15_000; !condition(); await Bun.sleep(10))
    if (performance.now() > end) throw new Error('it did not come to it in time')
}
