import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { createOperator } from '../support/operator'
import { noOwnPostgres, type OwnPostgres, startOwnPostgres } from '../support/own-postgres'

const timeoutMilliseconds = 60_000
const skipReason =
  noOwnPostgres ?? (serverUrl === null ? 'runs with TEST_DATABASE_URL, on a server of its own' : null)

describe.skipIf(skipReason !== null)(
  `a PostgreSQL server that is down at start${skipReason ? ` (${skipReason})` : ''}`,
  () => {
    const operator = createOperator()
    let own: OwnPostgres
    beforeAll(async () => {
      own = await startOwnPostgres()
      await own.stop()
    }, timeoutMilliseconds)
    afterAll(async () => {
      await operator.clear()
      await own.remove()
    })

    test(
      'delays readiness: the service is alive, not ready and gives 503, logs little, and migrates later',
      async () => {
        const env = { DATABASE_URL: own.url, JWT_SECRET: crypto.randomUUID(), ...firstAdmin }
        const service = await operator.listen({ cwd: operator.emptyDir(), env })
        const { call, signIn } = createClient(service.url)
        await Bun.sleep(3000)
        expect((await call('GET /livez')).status).toBe(200)
        const { status, body } = await call('GET /readyz')
        expect([status, body.checks.database, body.checks.migrations]).toEqual([
          503,
          'unavailable',
          'pending',
        ])
        const refused = await call('POST /api/v1/auth/login', { body: admin })
        expect([refused.status, refused.body.code]).toEqual([503, 'database_unavailable'])
        expect(refused.headers.get('retry-after')).toBe('2')
        const attempts = service.lines.filter(
          ({ event, retryAfterMs }) => event === 'database.unavailable' && retryAfterMs,
        )
        expect(attempts.length).toBeGreaterThan(2)
        expect(attempts.length).toBeLessThan(10)

        await own.start()
        const startedAt = performance.now()
        while ((await call('GET /readyz')).status !== 200 && performance.now() - startedAt < 20_000)
          await Bun.sleep(50)
        process.stderr.write(`ready ${Math.round(performance.now() - startedAt)} ms after the server came\n`)
        expect(performance.now() - startedAt).toBeLessThan(5000)
        expect((await signIn(admin)).access_token).toBeString()
        const events = service.lines.map(({ event }) => event)
        expect(events).toEqual(
          expect.arrayContaining(['database.migrated', 'bootstrap.admin_created', 'service.ready']),
        )
        expect(await service.end('SIGTERM')).toBe(0)
        expect(await service.stderr).toBe('')
      },
      timeoutMilliseconds,
    )

    test(
      'does not delay shutdown',
      async () => {
        await own.stop()
        const env = { DATABASE_URL: own.url, JWT_SECRET: crypto.randomUUID() }
        const service = await operator.listen({ cwd: operator.emptyDir(), env })
        await Bun.sleep(500)
        expect(await service.end('SIGTERM')).toBe(0)
      },
      timeoutMilliseconds,
    )
  },
)

const admin = { email: 'root@example.com', password: 'a quiet green lantern' }
const firstAdmin = { BOOTSTRAP_ADMIN_EMAIL: admin.email, BOOTSTRAP_ADMIN_PASSWORD: admin.password }
