import { expect, test } from 'bun:test'
import { aPassword } from '../support/client'
import { useService } from '../support/service'

const service = useService()

async function register() {
  const before = service.lines.length
  const body = { email: service.newEmail(), password: aPassword }
  const { status } = await service.call('POST /api/v1/auth/register', { body })
  const logged = service.lines.slice(before).map(({ event }) => event)
  return { status, logged: logged.filter((event) => event === 'user.created') }
}

test('a security event is logged once its transaction is committed, and not when the commit fails', async () => {
  expect(await register()).toEqual({ status: 201, logged: ['user.created'] })
  const kept = await service.sql`select id from audit_events`
  await service.sql.unsafe(`
    create function refuse() returns trigger language plpgsql as $$ begin raise 'no commit'; end $$;
    create constraint trigger refuse after insert on audit_events deferrable initially deferred
      for each row execute function refuse()`)
  expect(await register()).toEqual({ status: 500, logged: [] })
  expect(await service.sql`select id from audit_events`).toEqual(kept)
})
