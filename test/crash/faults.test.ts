import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { type Fault, faults } from '../support/faults'
import { createOperator } from '../support/operator'
import { noOwnPostgres, type OwnPostgres, startOwnPostgres } from '../support/own-postgres'
import { createLink, type Link } from '../support/proxy'
import { signedInSocket } from '../support/socket'
import { type Sample, startTraffic, summarise } from '../support/traffic'

// FAULT_SECONDS=20 bun test test/crash/faults.test.ts sets how long each fault lasts.
const faultMilliseconds = Number(process.env['FAULT_SECONDS'] ?? 2.5) * 1000
const statementTimeoutMilliseconds = 1000
// A query may take half a second more than a statement. The machine may be busy with other tests.
const deadlineMilliseconds = statementTimeoutMilliseconds + 500
const slackMilliseconds = 2500
const recoveryMilliseconds = 5000
const people = 10
const timeoutMilliseconds = 60_000 + 2 * faultMilliseconds

const skipReason =
  noOwnPostgres ?? (serverUrl === null ? 'runs with TEST_DATABASE_URL, on a server of its own' : null)

type Process = Awaited<ReturnType<ReturnType<typeof createOperator>['serve']>>

describe.skipIf(skipReason !== null)(
  `a PostgreSQL server under load${skipReason ? ` (${skipReason})` : ''}`,
  () => {
    const operator = createOperator()
    let own: OwnPostgres
    let link: Link
    let service: Process
    beforeAll(async () => {
      own = await startOwnPostgres({ max_connections: 40 })
      link = createLink(own.url)
      service = await operator.serve(placeOn(own.url))
    }, timeoutMilliseconds)
    afterAll(async () => {
      await operator.clear()
      link.close()
      await own.remove()
    })

    const placeOn = (url: string) => ({
      cwd: operator.emptyDir(),
      env: {
        DATABASE_URL: url,
        JWT_SECRET: crypto.randomUUID(),
        DB_STATEMENT_TIMEOUT: `${statementTimeoutMilliseconds}ms`,
      },
    })

    test.each(faults.map((fault) => [fault.name, fault] as const))(
      'that %s: 503 in time, then it recovers',
      (_, fault) => endure(service, fault),
      timeoutMilliseconds,
    )

    describe('behind a link', () => {
      let distant: Process
      beforeAll(async () => {
        distant = await operator.serve(placeOn(link.url))
      }, timeoutMilliseconds)

      const silence: Fault = {
        name: 'is cut off for a while',
        begin: async () => link.freeze(),
        end: async () => link.thaw(),
      }
      test(
        'that is cut for a while: 503 in time, then it recovers',
        () => endure(distant, silence),
        timeoutMilliseconds,
      )

      test('the service behind it ends with 0', async () => expect(await distant.end('SIGTERM')).toBe(0))
    })

    test('the same process survives all faults without an unexpected error', async () => {
      expect(await service.end('SIGTERM')).toBe(0)
      expect(await service.stderr).toBe('')
      const events = new Set(service.lines.map(({ event }) => event))
      expect(events).toContain('database.unavailable')
      for (const bad of ['http.internal_error', 'realtime.internal_error', 'service.failed'])
        expect(events).not.toContain(bad)
    })

    async function endure({ url }: Process, fault: Fault) {
      const client = createClient(url)
      const room = `room:${crypto.randomUUID()}`
      const watcher = await signedInSocket(url, (await client.enter()).access_token)
      await watcher.ask({ type: 'subscribe', channel: room })
      const traffic = await startTraffic(client, { people, room })
      await Bun.sleep(500)

      await fault.begin(own)
      const begunAt = performance.now()
      await Bun.sleep(faultMilliseconds)
      await fault.end(own)
      const endedAt = performance.now()
      await recovered(traffic.samples, endedAt)
      const written = await traffic.stop()

      const during = traffic.samples.filter(
        ({ startedAt, milliseconds }) => startedAt < endedAt && startedAt + milliseconds > begunAt,
      )
      const recovery = lastFailureEnd(traffic.samples) - endedAt
      report(fault.name, during, recovery)
      expect(unexpected(traffic.samples)).toEqual([])
      expect(during.some(({ status }) => status === 503)).toBe(true)
      expect(Math.max(...traffic.samples.map(({ milliseconds }) => milliseconds))).toBeLessThan(
        deadlineMilliseconds + slackMilliseconds,
      )
      expect(recovery).toBeLessThan(recoveryMilliseconds)

      const acknowledged = written.flatMap(({ messages }) => messages)
      await receivedAll(watcher, acknowledged)
      expect(watcher.isOpen()).toBe(true)
      expect(await watcher.ask({ type: 'publish', channel: room, data: 'well' })).toMatchObject({
        type: 'published',
      })
      await watcher.close()
      await assertNothingPartial(written)
    }

    /** Waits until no request has failed for half a second. */
    async function recovered(samples: Sample[], endedAt: number) {
      const isWell = () => performance.now() - Math.max(endedAt, lastFailureEnd(samples)) > 500
      for (const until = endedAt + recoveryMilliseconds + 1000; performance.now() < until && !isWell(); )
        await Bun.sleep(50)
    }

    /** Expects every acknowledged message once, in the order of the offsets and without a gap. */
    async function receivedAll(watcher: Awaited<ReturnType<typeof signedInSocket>>, acknowledged: string[]) {
      const received = () => new Set(watcher.of('message').map(({ data }) => data))
      for (
        const until = performance.now() + recoveryMilliseconds;
        performance.now() < until;
        await Bun.sleep(50)
      )
        if (acknowledged.every((data) => received().has(data))) break
      expect(acknowledged.filter((data) => !received().has(data))).toEqual([])
      const offsets = watcher.of('message').flatMap(({ offset }) => offset ?? [])
      expect(offsets).toEqual(offsets.map((_, at) => offsets[0] + at))
    }

    type Written = Awaited<ReturnType<Awaited<ReturnType<typeof startTraffic>>['stop']>>

    async function assertNothingPartial(written: Written) {
      const sql = postgres(own.superUrl, { max: 1, fetch_types: false, onnotice: () => undefined })
      const isOpen = async () =>
        (await sql`select 1 from pg_stat_activity where usename = 'fastkit' and state like 'idle in tr%'`)
          .length > 0
      try {
        // The service gives up a lost transaction after five seconds, and the server after ten. Background jobs may have
        // one open for a moment.
        let isLeft = await isOpen()
        for (let tries = 0; isLeft && tries < 240; tries++) {
          await Bun.sleep(50)
          isLeft = await isOpen()
        }
        expect(isLeft).toBe(false)
        for (const { user, names } of written) {
          const [row] = await sql`select coalesce(display_name, '') as name from users where id = ${user.id}`
          expect(names).toContain(row?.['name'])
        }
        expect(
          await sql`select id from sessions s where not exists (select 1 from tokens t where t.session_id = s.id)`,
        ).toHaveLength(0)
      } finally {
        await sql.end()
      }
    }
  },
)

const ordinary = new Set([200, 201, 204])

/** The responses that are neither a success nor the 503 of the database. */
const unexpected = (samples: Sample[]) =>
  samples.filter(
    ({ status, code, retryAfter }) =>
      !ordinary.has(status) && !(status === 503 && code === 'database_unavailable' && retryAfter === '2'),
  )

const lastFailureEnd = (samples: Sample[]) =>
  Math.max(
    0,
    ...samples
      .filter(({ status }) => !ordinary.has(status))
      .map(({ startedAt, milliseconds }) => startedAt + milliseconds),
  )

function report(name: string, during: Sample[], recovery: number) {
  const { requests, answers, p50, p99, max } = summarise(during)
  const counts = Object.entries(answers).map(([answer, count]) => `${count} × ${answer}`)
  process.stderr.write(
    `${name}: ${requests} requests (${counts.join(', ')}), p50 ${p50} p99 ${p99} max ${max} ms, well after ${Math.max(0, Math.round(recovery))} ms\n`,
  )
}
