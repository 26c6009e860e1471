import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { createLink, type Link } from '../support/proxy'
import { type Service, startTestService } from '../support/service'

// The embedded database uses no network: it confirms every commit or ends with the process.
describe.skipIf(serverUrl === null)('a commit whose confirmation is lost', () => {
  let here: Service
  let there: Service
  let link: Link
  beforeAll(async () => {
    here = await startTestService()
    link = createLink(String(here.databaseUrl))
    there = await startTestService({ DATABASE_URL: link.url, DB_STATEMENT_TIMEOUT: '1s' }, { beside: here })
    // A slow commit, as on a server that waits for its disk or for a replica.
    await here.sql`create function dawdle() returns trigger language plpgsql as 'begin perform pg_sleep(0.5); return null; end'`
    await here.sql`create constraint trigger dawdle after update on sessions deferrable initially deferred
      for each row execute function dawdle()`
  })
  afterAll(async () => {
    link.thaw()
    await there.stop()
    await here.stop()
    link.close()
  })

  const isCommitting = async () =>
    (
      await here.sql`select 1 from pg_stat_activity
      where datname = current_database() and state = 'active' and query = 'commit and chain'`
    ).length > 0

  test('a logout whose commit is in doubt ends the session in this process too', async () => {
    const user = await here.enter()
    while (!there.listener.isLive) await Bun.sleep(10)
    expect((await there.me(user.access_token)).status).toBe(200)
    const ending = there.call('POST /api/v1/auth/logout', { token: user.access_token })
    while (!(await isCommitting())) await Bun.sleep(5)
    // Only the connections of the pool lose data. The listener stays connected, so caches are trusted.
    link.freeze('application_name\0fastkit\0')
    const { status, body } = await ending
    expect([status, body.code]).toEqual([503, 'database_unavailable'])
    expect(there.listener.isLive).toBe(true)
    link.thaw()
    const [row] = await here.sql`select revoked_at from sessions where user_id = ${user.id}`
    expect(row?.['revoked_at']).not.toBeNull()
    expect((await there.me(user.access_token)).body.code).toBe('invalid_token')
  })
})
