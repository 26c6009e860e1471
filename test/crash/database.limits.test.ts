import { beforeAll, describe, expect, test } from 'bun:test'
import { sql as statement } from 'drizzle-orm'
import postgres from 'postgres'
import { failureIn } from '../../src/core/errors'
import { aPassword } from '../support/client'
import { nothing, serverUrl } from '../support/database'
import { type Service, useService } from '../support/service'

const deadlineMilliseconds = 600 + 500
// The machine may be busy. The limit only has to exclude the ten seconds of a hung request.
const slackMilliseconds = 2000

const service = useService({ DB_STATEMENT_TIMEOUT: '600ms', DB_POOL_SIZE: '2' })
beforeAll(async () => {
  await service.sql`create table scraps (body text)`
})

const countScraps = async () => (await service.sql`select 1 from scraps`).length

async function timed<T>(work: Promise<T>) {
  const startedAt = performance.now()
  const answer = await work
  return { answer, spent: performance.now() - startedAt }
}

/** Occupies every connection while `work` runs. To a request this looks like a server that hangs. */
async function whileHanging(work: () => Promise<unknown>) {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  const places = service.databaseUrl ? 2 : 1
  const holders = Array.from({ length: places }, () => {
    const { promise: holds, resolve } = Promise.withResolvers<void>()
    const done = service.sql.begin(async () => {
      resolve()
      await released
    })
    return { holds, done }
  })
  await Promise.all(holders.map(({ holds }) => holds))
  try {
    await work()
  } finally {
    release()
    await Promise.all(holders.map(({ done }) => done))
  }
}

describe('a database that hangs', () => {
  test('gives a 503 with Retry-After within the deadline, and refused work does not run later', async () => {
    const email = service.newEmail()
    await whileHanging(async () => {
      const { answer, spent } = await timed(
        service.call('POST /api/v1/auth/register', { body: { email, password: aPassword } }),
      )
      expect([answer.status, answer.body.code]).toEqual([503, 'database_unavailable'])
      expect(answer.headers.get('retry-after')).toBe('2')
      expect(spent).toBeLessThan(deadlineMilliseconds + slackMilliseconds)
    })
    expect(
      (await service.call('POST /api/v1/auth/login', { body: { email, password: aPassword } })).status,
    ).toBe(401)
    expect(await service.register({ email })).toMatchObject({ email })
  })

  test('has a bounded queue: a thousand queries wait, more are refused at once', async () => {
    await whileHanging(async () => {
      const outcomes: string[] = []
      const queries = Array.from({ length: 1200 }, () =>
        service.deps.db.execute(statement`select 1`).then(nothing, (error) => {
          outcomes.push(String(failureIn(error)?.code))
        }),
      )
      // After one turn of the event loop no deadline has passed.
      await new Promise(setImmediate)
      expect(outcomes.length).toBeGreaterThanOrEqual(190)
      await Promise.all(queries)
      expect(new Set(outcomes)).toEqual(new Set(['database_unavailable']))
    })
    expect((await service.enter()).access_token).toBeString()
  })
})

describe('a transaction', () => {
  test('that exceeds its deadline fails and is rolled back', async () => {
    const { promise: refused, resolve } = Promise.withResolvers<void>()
    const transaction = service.deps.db.transaction(async (tx) => {
      await tx.execute(statement`insert into scraps values ('first')`)
      await refused
      await tx.execute(statement`insert into scraps values ('second')`)
    })
    const error = await transaction.catch((error: unknown) => error)
    expect(failureIn(error)?.code).toBe('database_unavailable')
    resolve()
    expect(await countScraps()).toBe(0)
    await untilNoneIsIdle()
  })

  test('that exceeds its deadline in its last statement, or in a savepoint, is rolled back too', async () => {
    // Each statement is within its limit; together they exceed the deadline.
    const inLast = service.deps.db.transaction(async (tx) => {
      await tx.execute(statement`insert into scraps values ('last')`)
      for (let nap = 0; nap < 3; nap++) await tx.execute(statement`select pg_sleep(0.45)`)
    })
    expect(failureIn(await inLast.catch((error: unknown) => error))?.code).toBe('database_unavailable')

    const { promise: refused, resolve } = Promise.withResolvers<void>()
    const inSavepoint = service.deps.db.transaction((tx) =>
      tx.transaction(async (inner) => {
        await inner.execute(statement`insert into scraps values ('before')`)
        await refused
        await inner.execute(statement`insert into scraps values ('after')`)
      }),
    )
    expect(failureIn(await inSavepoint.catch((error: unknown) => error))?.code).toBe('database_unavailable')
    resolve()
    await untilNoneIsIdle()
    expect(await countScraps()).toBe(0)
  })

  test('that throws is rolled back and leaves its connection usable', async () => {
    for (let round = 0; round < 10; round++) {
      const transaction = service.deps.db.transaction(async (tx) => {
        await tx.execute(statement`insert into scraps values ('never')`)
        throw new Error('changed my mind')
      })
      await expect(transaction).rejects.toThrow('changed my mind')
    }
    expect(await countScraps()).toBe(0)
    await untilNoneIsIdle()
  })
})

describe('a commit', () => {
  test('of a block that a statement nobody waited for has aborted is a failure', async () => {
    const transaction = service.deps.db.transaction(async (tx) => {
      await tx.execute(statement`insert into scraps values ('aborted')`)
      void tx.execute(statement`select 1/0`).then(nothing, nothing)
    })
    const error = await transaction.catch((error: unknown) => error)
    expect(failureIn(error)?.code).toBe('database_unavailable')
    expect(await countScraps()).toBe(0)
    await untilNoneIsIdle()
  })

  test('on a server connection that does not know its statements, as behind a pooler, is true', async () => {
    for (const round of [1, 2, 3, 4, 5, 6]) {
      const transaction = service.deps.db.transaction(async (tx) => {
        await tx.execute(statement`insert into scraps values ('kept')`)
        await tx.execute(statement`deallocate all`)
      })
      await transaction
      expect(await countScraps()).toBe(round)
    }
    await service.sql`delete from scraps`
    await untilNoneIsIdle()
  })
})

describe('a transaction that fails with', () => {
  const missingFile = Object.assign(new Error('no such file'), { code: 'ENOENT' })
  test.each([
    ['an error of the file system', () => Promise.reject(missingFile)],
    ['an error of another host', () => Promise.reject(Object.assign(missingFile, { code: 'ECONNREFUSED' }))],
    [
      'a failed statement',
      (tx: Pick<Service['deps']['db'], 'execute'>) => tx.execute(statement`select lastval()`),
    ],
  ])('%s is rolled back, and its connection is kept', async (_, work) => {
    for (let round = 0; round < 5; round++) {
      const transaction = service.deps.db.transaction(async (tx) => {
        await tx.execute(statement`insert into scraps values ('never')`)
        await work(tx)
      })
      await expect(transaction).rejects.toThrow()
      await service.deps.db.execute(statement`select 1`)
    }
    expect(await countScraps()).toBe(0)
    await untilNoneIsIdle()
  })
})

// The embedded database has one connection, so no other client can hold a lock.
describe.skipIf(serverUrl === null)('a row that another client has locked', () => {
  test('gives a 503 within the deadline, and the refresh has no effect', async () => {
    const user = await service.enter()
    const rival = postgres(String(service.databaseUrl), { max: 1 })
    await rival.begin(async (transaction) => {
      await transaction`select 1 from sessions where user_id = ${user.id} for update`
      const { answer, spent } = await timed(service.refresh(user.refresh_token))
      expect([answer.status, answer.body.code]).toEqual([503, 'database_unavailable'])
      expect(spent).toBeLessThan(deadlineMilliseconds + slackMilliseconds)
      expect((await service.me(user.access_token)).status).toBe(200)
    })
    await rival.end()
    const rows = await service.sql`select used_at from tokens where user_id = ${user.id}`
    expect(rows.map(({ used_at }) => used_at)).toEqual([null])
    expect((await service.refresh(user.refresh_token)).status).toBe(200)
    await untilNoneIsIdle()
  })
})

// The embedded database runs in this process, and its crash ends the service (embedded.test.ts).
describe.skipIf(serverUrl === null)('connections that the server closes', () => {
  const onServer = async (work: (sql: postgres.Sql, name: string) => Promise<unknown>) => {
    const sql = postgres(String(serverUrl), { max: 1 })
    await work(sql, new URL(String(service.databaseUrl)).pathname.slice(1))
    await sql.end()
  }
  const terminate = (sql: postgres.Sql, name: string) =>
    sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = ${name}`

  test('are replaced within two requests', async () => {
    const { access_token } = await service.enter()
    await onServer(terminate)
    const statuses: number[] = []
    while (statuses.at(-1) !== 200 && statuses.length < 20)
      statuses.push((await service.me(access_token)).status)
    expect(statuses.at(-1)).toBe(200)
    expect(new Set(statuses).difference(new Set([200, 503]))).toEqual(new Set())
    await untilEveryConnectionWorks()
  })

  test('give a 503 while it accepts no new ones, and are replaced once it does', async () => {
    const { access_token } = await service.enter()
    await onServer(async (sql, name) => {
      await sql.unsafe(`alter database ${name} allow_connections false`)
      await terminate(sql, name)
      let answer = await service.me(access_token)
      for (let tries = 0; tries < 20 && answer.status !== 503; tries++)
        answer = await service.me(access_token)
      expect([answer.status, answer.body.code]).toEqual([503, 'database_unavailable'])
      expect((await service.call('GET /livez')).status).toBe(200)
      await sql.unsafe(`alter database ${name} allow_connections true`)
    })
    const startedAt = performance.now()
    let { status } = await service.me(access_token)
    while (status !== 200 && performance.now() - startedAt < 5000)
      status = (await service.me(access_token)).status
    expect([status, performance.now() - startedAt < 2500]).toEqual([200, true])
    await untilEveryConnectionWorks()
  })
})

/** A closed connection is noticed only when a query uses it. */
async function untilEveryConnectionWorks() {
  const until = performance.now() + 10_000
  const ask = () => service.sql`select 1`
  while (performance.now() < until) {
    const answers = await Promise.allSettled(Array.from({ length: 8 }, ask))
    if (answers.every(({ status }) => status === 'fulfilled')) return
  }
  throw new Error('the connections did not come back')
}

/** Waits until no connection of the service is idle in a transaction. */
async function untilNoneIsIdle() {
  const idle = () =>
    service.sql`select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`
  for (let tries = 0; tries < 500; tries++) if ((await idle()).length === 0) return
  throw new Error('a transaction was left open')
}
