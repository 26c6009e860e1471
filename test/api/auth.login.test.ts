import { describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { aPassword } from '../support/client'
import { startTestService, useService } from '../support/service'

const service = useService()

type Credentials = { email: string; password: string }
type More = { device_name?: unknown; headers?: Record<string, string> }
const login = ({ email, password }: Credentials, { headers = {}, ...fields }: More = {}) =>
  service.call('POST /api/v1/auth/login', { body: { email, password, ...fields }, headers })
const sessionsOf = (userId: string) =>
  service.sql`select * from sessions where user_id = ${userId} order by id`
const sidOf = (token: string) => String(decodeJwt(token)['sid'])

describe('POST /api/v1/auth/login', () => {
  test('answers with a pair and is not to be stored', async () => {
    const user = await service.register()
    const { status, headers, body } = await login(user)
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      refresh_token: expect.stringMatching(/^eyJ/),
      refresh_expires_in: expect.any(Number),
    })
    expect((await service.me(body.access_token)).body.id).toBe(user.id)
  })

  test('twice opens two sessions, each with a chain of its own', async () => {
    const user = await service.register()
    const [first, second] = [await service.signIn(user), await service.signIn(user)]
    const rows = await sessionsOf(user.id)
    expect(rows.map(({ id }) => id)).toEqual([sidOf(first.access_token), sidOf(second.access_token)])
    expect(await service.sql`select 1 from tokens where user_id = ${user.id}`).toHaveLength(2)
  })

  test('keeps device name, user agent and address with the session', async () => {
    const user = await service.register()
    const headers = { 'user-agent': `curl/8 ${'x'.repeat(400)}` }
    await login(user, { device_name: 'Adas 手机 📱', headers })
    await login(user)
    const [named, bare] = await sessionsOf(user.id)
    expect(named).toMatchObject({
      device_name: 'Adas 手机 📱',
      user_agent: `curl/8 ${'x'.repeat(249)}`,
      ip: '127.0.0.1',
      revoked_at: null,
      revoke_reason: null,
    })
    expect(named?.['last_used_at']).toEqual(named?.['created_at'])
    expect(Date.parse(named?.['expires_at']) - Date.parse(named?.['created_at'])).toBe(30 * 86_400_000)
    expect(bare?.['device_name']).toBeNull()
  })

  test.each([
    ['empty', ''],
    ['101 characters', 'x'.repeat(101)],
    ['line break', 'phone\nadmin'],
    ['NUL', 'phone\0'],
    ['null', null],
    ['object', {}],
  ])('a device name that is %s is refused, and no session opens', async (_, device_name) => {
    const user = await service.register()
    const { status, body } = await login(user, { device_name })
    expect([status, body.errors[0].pointer]).toEqual([422, '/device_name'])
    expect(await sessionsOf(user.id)).toHaveLength(0)
  })
})

describe('refused login', () => {
  const cases: [string, () => Promise<Credentials>][] = [
    ['unknown address', async () => ({ email: service.newEmail(), password: aPassword })],
    ['wrong password', async () => ({ ...(await service.register()), password: 'not this one' })],
    ['deactivated account', async () => deactivated()],
    [
      'deactivated account and wrong password',
      async () => ({ ...(await deactivated()), password: 'not it' }),
    ],
    ['unreadable hash', async () => unreadable('{SHA}abc')],
    ['truncated hash', async () => unreadable('$argon2id$v=19$m=64,t=1,p=1$AJGvudoC')],
    ['malformed address', async () => ({ email: 'ada', password: aPassword })],
    ['foreign letter in the address', async () => ({ email: '\u212Aate@example.com', password: aPassword })],
    ['address that reads as SQL', async () => ({ email: "' or 1=1 --", password: "' or 1=1 --" })],
    ['too short a password', async () => ({ ...(await service.register()), password: 'x' })],
  ]

  test('says the same, in words and headers, whatever the reason', async () => {
    const answers = await Promise.all(
      cases.map(async ([, credentials]) => {
        const { email, password } = await credentials()
        // As text: what is refused here is no secret to look for in the log.
        return service.call('POST /api/v1/auth/login', { body: JSON.stringify({ email, password }) })
      }),
    )
    const seen = answers.map(({ status, headers, body }) => {
      headers.delete('x-request-id')
      headers.delete('date')
      return JSON.stringify([status, [...headers], { ...body, request_id: null }])
    })
    expect(new Set(seen).size).toBe(1)
    expect([answers[0]?.status, answers[0]?.body.code]).toEqual([401, 'invalid_credentials'])
    expect(answers[0]?.headers.get('www-authenticate')).toBe('Bearer')
  })

  test('opens no session and leaves no address or password in the log', async () => {
    const user = await deactivated()
    expect((await login(user)).status).toBe(401)
    expect(await sessionsOf(user.id)).toHaveLength(0)
    expect(JSON.stringify(service.lines)).not.toContain(user.email)
  })

  test('for a hash that cannot be read tells the operator whose it is, and nobody the hash', async () => {
    const user = await unreadable('{SHA}kq3vzw9x')
    expect((await login(user)).status).toBe(401)
    const told = service.lines.filter(({ event }) => event === 'password.unsupported_hash')
    expect(told.filter(({ userId }) => userId === user.id)).toMatchObject([{ level: 40 }])
    expect(JSON.stringify(service.lines)).not.toContain('{SHA}')
    const kept = await service.sql`select type from audit_events where target_id = ${user.id} order by id`
    expect(kept.map(({ type }) => type)).toEqual(['user.created', 'sign_in.failed'])
  })

  test('takes about as long whatever the reason (printed, since machines differ)', async () => {
    const costly = await startTestService({ ARGON2_MEMORY_KIB: '4096' })
    const user = await costly.register()
    const times = new Map<string, number[]>([
      ['unknown', []],
      ['wrong', []],
      ['malformed', []],
      ['unreadable', []],
    ])
    const { id, email: unreadable } = await costly.register()
    await costly.sql`update users set password_hash = '{SHA}abc' where id = ${id}`
    const emails: Record<string, string> = {
      unknown: costly.newEmail(),
      wrong: user.email,
      malformed: 'ada',
      unreadable,
    }
    for (let round = 0; round < 9; round++) {
      for (const [name, spent] of times) {
        const startedAt = performance.now()
        const body = JSON.stringify({ email: emails[name], password: 'not this one' })
        expect((await costly.call('POST /api/v1/auth/login', { body })).status).toBe(401)
        spent.push(performance.now() - startedAt)
      }
    }
    const medians = [...times].map(
      ([name, spent]) => `${name} ${spent.toSorted((a, b) => a - b)[4]?.toFixed(1)} ms`,
    )
    process.stdout.write(`median of a refused login: ${medians.join(', ')}\n`)
    await costly.stop()
  })
})

async function deactivated() {
  const user = await service.register()
  await service.sql`update users set is_active = false where id = ${user.id}`
  return user
}

async function unreadable(hash: string) {
  const user = await service.register()
  await service.sql`update users set password_hash = ${hash} where id = ${user.id}`
  return user
}
