import { describe, expect, test } from 'bun:test'
import { availableParallelism } from 'node:os'
import postgres from 'postgres'
import { aPassword } from '../support/client'
import { serverUrl } from '../support/database'
import { startTestService, useService } from '../support/service'

const service = useService()

const hashOf = async (id: string) =>
  String((await service.sql`select password_hash from users where id = ${id}`)[0]?.['password_hash'])
const sessionsOf = (id: string) => service.sql`select 1 from sessions where user_id = ${id}`
const login = (user: { email: string; password: string }) =>
  service.call('POST /api/v1/auth/login', { body: { email: user.email, password: user.password } })

const otherForms: [string, Parameters<typeof Bun.password.hash>[1]][] = [
  ['bcrypt', { algorithm: 'bcrypt', cost: 4 }],
  ['argon2id of more memory', { algorithm: 'argon2id', memoryCost: 128, timeCost: 1 }],
  ['argon2id of less time', { algorithm: 'argon2id', memoryCost: 64, timeCost: 2 }],
  ['argon2i', { algorithm: 'argon2i', memoryCost: 64, timeCost: 1 }],
]

describe.each(otherForms)('password hash in %s', (_, form) => {
  const userWith = async () => {
    const user = await service.register()
    const hash = await Bun.password.hash(user.password, form)
    await service.sql`update users set password_hash = ${hash} where id = ${user.id}`
    return { ...user, hash }
  }

  test('is replaced at the first login only', async () => {
    const user = await userWith()
    expect((await login(user)).status).toBe(200)
    const replaced = await hashOf(user.id)
    expect(replaced).toStartWith('$argon2id$v=19$m=64,t=1,p=1$')
    expect((await login(user)).status).toBe(200)
    expect(await hashOf(user.id)).toBe(replaced)
  })

  test('stays after a refused login', async () => {
    const user = await userWith()
    expect((await login({ ...user, password: 'not this one' })).status).toBe(401)
    await service.sql`update users set is_active = false where id = ${user.id}`
    expect((await login(user)).status).toBe(401)
    expect(await hashOf(user.id)).toBe(user.hash)
  })

  test('allows ten logins at once', async () => {
    const user = await userWith()
    const answers = await Promise.all(Array.from({ length: 10 }, () => login(user)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(await sessionsOf(user.id)).toHaveLength(10)
  })
})

test.each([
  ['that NFKC changes', 'Zimmer 40m² µ', '$2b$04$abcdefghijklmnopqrstuuLFc2SIVQgKXLt70k3CWAeDTqVOy9YO.'],
  ['of 80 bytes', 'x'.repeat(80), '$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i'],
])(
  'a password %s signs in with a crypt(3) hash, which is replaced by argon2id',
  async (_, password, hash) => {
    const { id, email } = await service.register()
    await service.sql`update users set password_hash = ${hash} where id = ${id}`
    expect((await login({ email, password: `${password.slice(0, 9)}!` })).status).toBe(401)
    expect((await login({ email, password })).status).toBe(200)
    expect(await hashOf(id)).toStartWith('$argon2id$v=19$m=64,t=1,p=1$')
    for (const form of ['NFC', 'NFKD'] as const)
      expect((await login({ email, password: password.normalize(form) })).status).toBe(200)
  },
)

test('replacing a hash moves updated_at', async () => {
  const user = await service.register()
  const hash = await Bun.password.hash(user.password, { algorithm: 'bcrypt', cost: 4 })
  await service.sql`update users set password_hash = ${hash} where id = ${user.id}`
  service.clock.advance(60)
  const { body } = await login(user)
  const { created_at, updated_at } = (await service.me(body.access_token)).body
  expect(Date.parse(updated_at) - Date.parse(created_at)).toBeGreaterThanOrEqual(60_000)
})

describe('a login during which', () => {
  type Change = (sql: postgres.Sql | postgres.TransactionSql, id: string) => Promise<unknown>
  const meanwhile: [string, Change][] = [
    ['the account was deactivated', (sql, id) => sql`update users set is_active = false where id = ${id}`],
    [
      'the password was changed',
      (sql, id) => sql`update users set password_hash = 'changed' where id = ${id}`,
    ],
    ['the account was deleted', (sql, id) => sql`delete from users where id = ${id}`],
  ]

  test.each(meanwhile)('%s is refused and opens no session', async (_, change) => {
    const user = await service.register()
    const { verify } = service.deps.passwords
    // The change happens right after the real check, where a race would do harm.
    service.deps.passwords.verify = async (password, hash) => {
      const isMatch = await verify(password, hash)
      await change(service.sql, user.id)
      return isMatch
    }
    const { status, body } = await login(user)
    service.deps.passwords.verify = verify
    expect([status, body.code]).toEqual([401, 'invalid_credentials'])
    expect(await sessionsOf(user.id)).toHaveLength(0)
  })

  // The embedded database has one connection: an open transaction blocks every other statement.
  test.skipIf(serverUrl === null).each(meanwhile)(
    '%s in an open transaction waits for its commit',
    async (_, change) => {
      const user = await service.register()
      const rival = postgres(String(service.databaseUrl), { max: 1 })
      const { promise: response, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof login>>>()
      await rival.begin(async (transaction) => {
        await change(transaction, user.id)
        void login(user).then(resolve)
        await untilLockIsAwaited()
      })
      await rival.end()
      expect((await response).body.code).toBe('invalid_credentials')
      expect(await sessionsOf(user.id)).toHaveLength(0)
    },
  )
})

async function untilLockIsAwaited() {
  const waiting = () =>
    service.sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  for (let tries = 0; tries < 2000; tries++) if ((await waiting()).length > 0) return
  throw new Error('nobody waited for the lock')
}

describe('logins beyond what can be hashed in time', () => {
  test('get 503 and Retry-After, and the service keeps working', async () => {
    const busy = await startTestService({ ARGON2_MEMORY_KIB: '32768' })
    const body = JSON.stringify({ email: 'malformed', password: aPassword })
    const attempt = () => busy.call('POST /api/v1/auth/login', { body })
    // Fills every hashing slot and the queue, for any number of cores.
    const crowd = Promise.allSettled(
      Array.from({ length: availableParallelism() * 65 }, () => busy.deps.passwords.hash(aPassword)),
    )
    const answers = await Promise.all(Array.from({ length: 50 }, attempt))
    const refused = answers.filter(({ status }) => status !== 401)
    expect(new Set(refused.map(({ status, body }) => `${status} ${body.code}`))).toEqual(
      new Set(['503 overloaded']),
    )
    expect(refused.map(({ headers }) => headers.get('retry-after'))).toEqual(Array(refused.length).fill('2'))
    await crowd
    expect((await attempt()).status).toBe(401)
    expect((await busy.call('GET /readyz')).status).toBe(200)
    expect((await busy.enter()).access_token).toBeString()
    await busy.stop()
  })
})
