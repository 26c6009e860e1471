import { expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { cleanUp } from '../support/cleanup'
import { serverUrl } from '../support/database'
import { useService } from '../support/service'

const service = useService()

/** Waits until the sweep is blocked by the transaction. The embedded database has no second connection to block. */
async function untilBlocked() {
  const startedAt = performance.now()
  for (;;) {
    const [waiting] = await service.sql`select count(*)::int as n from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    if (waiting?.['n'] > 0) return
    if (performance.now() - startedAt > 2000) throw new Error('nothing waits')
  }
}

test('cleanup takes locks in the same order as a logout and cannot deadlock with it', async () => {
  const { access_token } = await service.enter()
  const sid = String(decodeJwt(access_token)['sid'])
  service.clock.advance(31 * 86_400)
  let sweeping = Promise.resolve(0)
  // The statements of a logout, with the sweep in between.
  await service.sql.begin(async (sql) => {
    await sql`update sessions set revoked_at = now(), revoke_reason = 'logged_out' where id = ${sid}`
    sweeping = cleanUp(service.deps)
    if (serverUrl) await untilBlocked()
    await sql`update tokens set revoked_at = now() where session_id = ${sid} and used_at is null`
  })
  expect(await sweeping).toBeGreaterThan(0)
  expect(await service.sql`select 1 from sessions where id = ${sid}`).toHaveLength(0)
  expect(service.lines.filter(({ event }) => event === 'cleanup.failed')).toEqual([])
})
