import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import postgres from 'postgres'
import { serverUrl } from '../support/database'
import type { Person } from '../support/people'
import { createLink, type Link } from '../support/proxy'
import { type Service, startTestService, useService } from '../support/service'

const here = useService()

const logout = ({ access_token: token }: Person) => here.call('POST /api/v1/auth/logout', { token })
/** Ends a session behind the back of every instance: no notice tells of it. */
const endSilently = ({ access_token }: Person) =>
  here.sql`update sessions set revoked_at = now(), revoke_reason = 'logged_out'
    where id = ${String(decodeJwt(access_token)['sid'])}`

async function until(isSo: () => boolean | Promise<boolean>, deadlineMilliseconds: number) {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > deadlineMilliseconds) throw new Error('it did not come to it in time')
    await Bun.sleep(5)
  }
  return performance.now() - startedAt
}

test.skipIf(serverUrl !== null)(
  'the embedded database has no other instance, so there is no link to lose',
  async () => {
    expect([here.deps.events.instanceId, here.listener.isLive]).toEqual([null, true])
    const user = await here.enter()
    expect((await here.me(user.access_token)).status).toBe(200)
    await logout(user)
    expect((await here.me(user.access_token)).status).toBe(401)
  },
)

describe.skipIf(serverUrl === null)('an instance whose LISTEN connection is gone', () => {
  const there = useService({}, () => ({ beside: here }))

  /** Lets nobody connect to the database while `work` runs; the connections that pools hold go on. */
  async function withoutListeners(work: () => Promise<void>) {
    const sql = postgres(String(serverUrl), { max: 1 })
    const name = new URL(String(here.databaseUrl)).pathname.slice(1)
    try {
      await sql.unsafe(`alter database ${name} allow_connections false`)
      const killed = await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = ${name} and application_name = 'fastkit listener'`
      expect(killed).toHaveLength(2)
      await until(() => !there.listener.isLive, 1000)
      await work()
    } finally {
      await sql.unsafe(`alter database ${name} allow_connections true`)
      await sql.end()
    }
    await until(() => there.listener.isLive && here.listener.isLive, 5000)
  }

  test('asks the database each time, and forgets all it knew when it is back', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, here.enter))
    const [unasked, ...asked] = people
    if (!unasked) throw new Error('no one came')
    for (const { access_token } of [...people, ...people])
      expect((await there.me(access_token)).status).toBe(200)

    await withoutListeners(async () => {
      for (const [at, user] of asked.entries()) {
        expect((await there.me(user.access_token)).status).toBe(200)
        await (at % 2 ? logout(user) : endSilently(user))
        expect((await there.me(user.access_token)).status).toBe(401)
      }
      await endSilently(unasked)
    })
    for (const { access_token } of people) expect((await there.me(access_token)).status).toBe(401)
  })

  test.each(['{"from":"another","notice":{"type":"session.frozen"}}', 'hello'])(
    'forgets all it knew at a notice that it does not understand: %s',
    async (payload) => {
      const user = await here.enter()
      expect((await there.me(user.access_token)).status).toBe(200)
      await endSilently(user)
      expect((await there.me(user.access_token)).status).toBe(200)
      await here.sql`select pg_notify('fastkit', ${payload})`
      await until(async () => (await there.me(user.access_token)).status === 401, 1000)
    },
  )

  test('remembers again once it is back', async () => {
    const user = await here.enter()
    expect((await there.me(user.access_token)).status).toBe(200)
    await endSilently(user)
    expect((await there.me(user.access_token)).status).toBe(200)
    await logout(user)
  })

  test('killed in the middle of 100 revocations accepts none of their tokens a second later', async () => {
    const people = await Promise.all(Array.from({ length: 100 }, here.enter))
    for (const { access_token } of people) expect((await there.me(access_token)).status).toBe(200)
    const ends = people.map(async (user, at) => {
      if (at === 50)
        await here.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'fastkit listener'`
      return logout(user)
    })
    expect((await Promise.all(ends)).map(({ status }) => status)).toEqual(people.map(() => 204))
    await until(async () => (await accepted(there, people)).length === 0, 1000)
    await until(() => there.listener.isLive, 5000)
    expect(await accepted(there, people)).toEqual([])
  })
})

describe.skipIf(serverUrl === null)('an instance whose link falls silent without closing', () => {
  let link: Link
  let there: Service
  beforeAll(async () => {
    link = createLink(String(here.databaseUrl))
    there = await startTestService({ DATABASE_URL: link.url, DB_STATEMENT_TIMEOUT: '1s' }, { beside: here })
    await until(() => there.listener.isLive, 5000)
  })
  afterAll(async () => {
    link.thaw()
    await there.stop()
    link.close()
  })

  test('for notices alone, asks the database within a second', async () => {
    const people = await Promise.all(Array.from({ length: 10 }, here.enter))
    expect(await accepted(there, people)).toHaveLength(10)
    link.freeze('fastkit listener')
    await Promise.all(people.map(logout))
    const delay = await until(async () => (await accepted(there, people)).length === 0, 1000)
    process.stderr.write(`a frozen link is noticed after ${delay.toFixed(0)} ms\n`)
    link.thaw()
    await until(() => there.listener.isLive, 5000)
    expect(await accepted(there, people)).toEqual([])
  })

  test('for everything, accepts nothing that has ended a second ago', async () => {
    const user = await here.enter()
    expect((await there.me(user.access_token)).status).toBe(200)
    link.freeze()
    await logout(user)
    const endedAt = performance.now()
    let acceptedFor = 0
    while ((await there.me(user.access_token)).status === 200) acceptedFor = performance.now() - endedAt
    expect(acceptedFor).toBeLessThan(1000)
    expect((await there.me(user.access_token)).body.code).toBe('database_unavailable')
    link.thaw()
    await until(() => there.listener.isLive, 10_000)
    expect((await there.me(user.access_token)).body.code).toBe('invalid_token')
  })
})

async function accepted(instance: Service, people: Person[]) {
  const answers = await Promise.all(people.map(({ access_token }) => instance.me(access_token)))
  return answers.filter(({ status }) => status === 200)
}
