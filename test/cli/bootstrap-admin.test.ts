import { afterAll, afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap } from '../../src/server/bootstrap-admin'
import { aPassword, createClient } from '../support/client'
import { createTestDatabase, serverUrl } from '../support/database'
import { createOperator } from '../support/operator'
import { type Service, startTestService, testSecret } from '../support/service'

const { emptyDir, fastkit, serve, user, clear } = createOperator()
const boss = 'boss@example.com'
const named = { BOOTSTRAP_ADMIN_EMAIL: boss, BOOTSTRAP_ADMIN_PASSWORD: aPassword }

setDefaultTimeout(60_000)
afterAll(clear)

describe('the first admin', () => {
  test('is created by the first start only', async () => {
    const cwd = emptyDir()
    const first = await serve({ cwd, env: named })
    const client = createClient(first.url)
    const { access_token: token } = await client.signIn({ email: boss, password: aPassword })
    expect((await client.call('GET /api/v1/users', { token })).status).toBe(200)
    await first.end('SIGTERM')
    expect(JSON.stringify(first.lines)).not.toContain(aPassword)
    expect(first.lines.map(({ event }) => event)).toContain('bootstrap.admin_created')

    const env = { BOOTSTRAP_ADMIN_EMAIL: 'other@example.com', BOOTSTRAP_ADMIN_PASSWORD: aPassword }
    const second = await serve({ cwd, env })
    const admins = (await user({ cwd }, ['list', '--json'])).stdout
    expect(JSON.parse(admins)).toMatchObject([{ email: boss, role: 'admin', is_active: true }])
    await second.end('SIGTERM')
  })

  test('can have its password in a file', async () => {
    const cwd = emptyDir()
    writeFileSync(join(cwd, 'password'), `${aPassword}\n`)
    const env = { BOOTSTRAP_ADMIN_EMAIL: boss, BOOTSTRAP_ADMIN_PASSWORD_FILE: 'password' }
    const service = await serve({ cwd, env })
    await createClient(service.url).signIn({ email: boss, password: aPassword })
    await service.end('SIGTERM')
  })

  test('with NUL in the password file stops the start, and the error names the variable', async () => {
    const cwd = emptyDir()
    writeFileSync(join(cwd, 'password'), `${aPassword}\0\n`)
    const env = { BOOTSTRAP_ADMIN_EMAIL: boss, BOOTSTRAP_ADMIN_PASSWORD_FILE: 'password' }
    const { exitCode, stderr } = await fastkit({ cwd, env }, ['serve'])
    expect([exitCode, readdirSync(cwd)]).toEqual([78, ['password']])
    expect(stderr).toContain('BOOTSTRAP_ADMIN_PASSWORD must be well-formed text without NUL')
  })

  test.skipIf(!serverUrl)('is created once when two instances start at once', async () => {
    const { url, drop } = await createTestDatabase()
    const services = await Promise.all(
      ['one', 'two'].map((name) => {
        const env = { ...named, BOOTSTRAP_ADMIN_EMAIL: `${name}@example.com` }
        return serve({ cwd: emptyDir(), env: { ...env, DATABASE_URL: url ?? '', JWT_SECRET: testSecret } })
      }),
    )
    const env = { DATABASE_URL: url ?? '', JWT_SECRET: testSecret }
    const { stdout } = await user({ cwd: emptyDir(), env }, ['list', '--json'])
    expect(JSON.parse(stdout)).toHaveLength(1)
    await Promise.all(services.map(({ end }) => end('SIGTERM')))
    await drop()
  })

  test.each([
    ['a weak password', { BOOTSTRAP_ADMIN_PASSWORD: 'passw0rd' }, 'BOOTSTRAP_ADMIN_PASSWORD is among'],
    ['a short password', { BOOTSTRAP_ADMIN_PASSWORD: 'xqzj7' }, 'BOOTSTRAP_ADMIN_PASSWORD must have'],
    [
      'its name in it',
      { BOOTSTRAP_ADMIN_PASSWORD: 'xqzj7-boss-1' },
      'BOOTSTRAP_ADMIN_PASSWORD must not contain',
    ],
    ['a bad address', { BOOTSTRAP_ADMIN_EMAIL: 'xqzj7' }, 'BOOTSTRAP_ADMIN_EMAIL must be'],
    ['no address', { BOOTSTRAP_ADMIN_EMAIL: '' }, 'must be set together'],
    ['no password', { BOOTSTRAP_ADMIN_PASSWORD: '' }, 'must be set together'],
  ])('with %s stops the start by name, without the value', async (_, env, problem) => {
    const cwd = emptyDir()
    const { exitCode, stdout, stderr } = await fastkit({ cwd, env: { ...named, ...env } }, ['serve'])
    expect([exitCode, stdout, readdirSync(cwd)]).toEqual([78, '', []])
    expect(stderr).toContain(problem)
    expect(stderr).not.toMatch(/passw0rd|xqzj7|correct horse|boss@/)
  })
})

describe('a start with BOOTSTRAP_ADMIN_EMAIL', () => {
  let service: Service
  beforeEach(async () => {
    service = await startTestService()
    service.secrets.add(aPassword)
  })
  afterEach(() => service.stop())
  const naming = (email: string) => ({
    ...service.deps,
    config: { ...service.deps.config, firstAdmin: { email, password: aPassword } },
  })

  const admins = () => service.sql`select id, email from users where role = 'admin'`
  const events = () =>
    service.lines.map(({ event }) => event).filter((event) => event.startsWith('bootstrap.'))

  test('creates one admin and one audit event when many start at once', async () => {
    const instances = Array.from({ length: 8 }, (_, number) => naming(`boss${number}@example.com`))
    // All connections are open already, so that the starts run at the same instant.
    await Promise.all(instances.map(() => service.sql`select pg_sleep(0.1)`))
    await Promise.all(instances.map(bootstrap))
    const [admin, ...more] = await admins()
    expect(more).toEqual([])
    expect(events()).toEqual(['bootstrap.admin_created'])
    const kept = await service.sql`select type, actor_id, target_id, details from audit_events`
    expect([...kept]).toEqual([
      { type: 'user.created', actor_id: null, target_id: admin?.['id'], details: { role: 'admin' } },
    ])
  })

  test('does not change an existing account with the address, and logs it', async () => {
    const { id } = await service.register({ email: 'Boss@Example.com' })
    await bootstrap(naming(boss))
    expect([...(await admins())]).toEqual([])
    expect((await service.sql`select role from users where id = ${id}`)[0]?.['role']).toBe('user')
    expect(events()).toEqual(['bootstrap.email_taken'])
  })

  test('counts a disabled admin', async () => {
    await bootstrap(naming(boss))
    await service.sql`update users set is_active = false, email = 'former@example.com', email_normalised = 'former@example.com'`
    await bootstrap(naming(boss))
    expect([...(await admins())]).toMatchObject([{ email: 'former@example.com' }])
    expect(events()).toEqual(['bootstrap.admin_created'])
  })
})
