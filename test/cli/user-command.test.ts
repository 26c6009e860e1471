import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { aPassword, createClient } from '../support/client'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { createOperator, type Place } from '../support/operator'
import { testSecret } from '../support/service'

const { emptyDir, user, serve, clear } = createOperator()
const boss = 'boss@example.com'
const another = 'another quiet lantern'

setDefaultTimeout(60_000)
afterAll(clear)

const create = (place: Place, email: string, ...more: string[]) =>
  user(place, ['create', '--email', email, '--password-stdin', ...more], `${aPassword}\n`)

/** A service with one admin. */
async function prepare(name: string) {
  const { url, drop } = name === 'PostgreSQL' ? await createTestDatabase() : { url: null, drop: nothing }
  const place = { cwd: emptyDir(), ...(url && { env: { DATABASE_URL: url, JWT_SECRET: testSecret } }) }
  const service = await serve(place)
  await create(place, boss, '--role', 'admin')
  return { place, service, drop, client: createClient(service.url) }
}

type World = Awaited<ReturnType<typeof prepare>>

const running = ['a running service', ...(serverUrl ? ['PostgreSQL'] : [])]

describe.each(running)('fastkit user, on %s', (name) => {
  let world: World
  beforeAll(async () => {
    world = await prepare(name)
  })
  afterAll(async () => {
    await world.service.end('SIGTERM')
    await world.drop()
  })

  test.each([
    ['create --email BOSS@example.com', aPassword, 'email_taken'],
    ['create --email a@example.com', 'short', 'at least 8 characters'],
    ['create --email a@example.com', 'password1', 'most used'],
    ['create --email a@example.com', '', 'no password was given'],
    ['create --email nobody', aPassword, '--email must be an ASCII e-mail address'],
    ['create --email a@example.com --display-name a\nb', aPassword, '--display-name must be'],
    ['set-password --email boss@example.com', 'short', 'weak_password'],
    ['create --email a@example.com', `${aPassword}\0`, 'without NUL (validation_failed)'],
    ['set-password --email boss@example.com', `${another}\0`, 'without NUL (validation_failed)'],
    ['set-password --email nobody@example.com', another, 'not_found'],
  ])('refuses %j with the password %j: %s', async (line, input, reason) => {
    const args = [...line.split(' '), '--password-stdin']
    const { exitCode, stdout, stderr } = await user(world.place, args, input)
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toStartWith('fastkit: ')
    expect(stderr).toContain(reason)
    if (input) expect(stderr).not.toContain(input)
  })

  test.each([
    ['disable --email boss@example.com', 'last_admin'],
    ['set-role --email boss@example.com --role user', 'last_admin'],
    ['disable --email nobody@example.com', 'not_found'],
    ['enable --email nobody@example.com', 'not_found'],
    ['set-role --email nobody@example.com --role admin', 'not_found'],
  ])('refuses %j: %s', async (line, code) => {
    const { exitCode, stdout, stderr } = await user(world.place, line.split(' '))
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toEndWith(`(${code})\n`)
  })

  test('lists accounts for people and for machines', async () => {
    const made = await create(world.place, 'listed@example.com', '--display-name', 'Listed')
    expect([made.exitCode, made.stderr]).toEqual([0, ''])
    const [, id] = made.stdout.match(/^created user listed@example\.com \((.{36})\)\n$/) ?? []
    const { stdout } = await user(world.place, ['list'])
    expect(stdout).toMatch(/^ID +EMAIL +ROLE +ACTIVE +CREATED\n/)
    expect(stdout).toMatch(new RegExp(`^${id}  listed@example\\.com +user +yes +20\\d\\d-`, 'm'))

    const admins = JSON.parse((await user(world.place, ['list', '--role', 'admin', '--json'])).stdout)
    expect(admins).toMatchObject([{ email: boss, role: 'admin', is_active: true }])
    const found = JSON.parse((await user(world.place, ['list', '--email', 'Listed@', '--json'])).stdout)
    expect(found).toMatchObject([{ id, display_name: 'Listed', role: 'user' }])
    expect(JSON.stringify([admins, found])).not.toMatch(/argon2|hash/)
    expect((await user(world.place, ['list', '--email', '%', '--json'])).stdout).toBe('[]\n')
  })

  /** Waits for the NOTIFY of another process. In one process the first request succeeds. */
  async function answers(route: string, token: string, status: number) {
    const deadline = performance.now() + (name === 'PostgreSQL' ? 1000 : 0)
    for (;;) {
      const answer = await world.client.call(`GET ${route}`, { token })
      if (answer.status === status || performance.now() > deadline) return expect(answer.status).toBe(status)
      await Bun.sleep(10)
    }
  }

  test('an admin is created, lists the accounts, and cannot after a demotion', async () => {
    const { client } = world
    const person = await client.enter()
    await answers('/api/v1/users', person.access_token, 403)
    expect((await user(world.place, ['set-role', '--email', person.email, '--role', 'admin'])).stdout).toBe(
      `${person.email} is an active admin\n`,
    )
    await answers('/api/v1/users', person.access_token, 200)
    await user(world.place, ['set-role', '--email', person.email, '--role', 'user'])
    await answers('/api/v1/users', person.access_token, 403)
    await answers('/api/v1/users/me', person.access_token, 200)
  })

  test('a disabled account is signed out; once enabled it can sign in, and its old session stays ended', async () => {
    const { client } = world
    const person = await client.enter()
    await answers('/api/v1/users/me', person.access_token, 200)
    expect((await user(world.place, ['disable', '--email', person.email])).stdout).toBe(
      `${person.email} is a disabled user\n`,
    )
    await answers('/api/v1/users/me', person.access_token, 401)
    expect((await client.refresh(person.refresh_token)).status).toBe(401)
    expect((await user(world.place, ['enable', '--email', person.email])).exitCode).toBe(0)
    await answers('/api/v1/users/me', person.access_token, 401)
    await client.signIn(person)
  })

  test('a new password ends the sessions and replaces the old password', async () => {
    const { client } = world
    const person = await client.enter()
    await answers('/api/v1/users/me', person.access_token, 200)
    const set = await user(
      world.place,
      ['set-password', '--email', person.email, '--password-stdin'],
      `${another}\r\n`,
    )
    expect([set.exitCode, set.stdout]).toEqual([
      0,
      `${person.email} is an active user, with a new password\n`,
    ])
    await answers('/api/v1/users/me', person.access_token, 401)
    expect((await client.refresh(person.refresh_token)).status).toBe(401)
    const { email, password } = person
    expect((await client.call('POST /api/v1/auth/login', { body: { email, password } })).status).toBe(401)
    await client.signIn({ email, password: another })
  })

  test('each is an audit event without an actor, and no password is in the log', async () => {
    const { client, service } = world
    const email = 'audited@example.com'
    const { stdout } = await create(world.place, email)
    const [, id] = stdout.match(/\((.{36})\)/) ?? []
    await user(world.place, ['set-role', '--email', email, '--role', 'admin'])
    await user(world.place, ['disable', '--email', email])
    const { access_token: token } = await client.signIn({ email: boss, password: aPassword })
    const { body } = await client.call(`GET /api/v1/audit-events?user_id=${id}`, { token })
    expect(
      body.items.map(({ type, actor_id, request_id }: Record<string, unknown>) => [
        type,
        actor_id,
        request_id,
      ]),
    ).toEqual([
      ['user.deactivated', null, null],
      ['role.changed', null, null],
      ['user.created', null, null],
    ])
    expect(JSON.stringify(service.lines)).not.toContain(aPassword)
  })

  test('a list includes every page', async () => {
    const { client } = world
    await Promise.all(Array.from({ length: 101 }, () => client.register()))
    const { stdout } = await user(world.place, ['list', '--role', 'user', '--json'])
    const ids = JSON.parse(stdout).map(({ id }: { id: string }) => id)
    expect(ids.length).toBeGreaterThan(101)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(ids.toSorted().toReversed())
  })
})

test.skipIf(!serverUrl)('a server without the schema is not changed', async () => {
  const { url, drop } = await createTestDatabase()
  const place = { cwd: emptyDir(), env: { DATABASE_URL: url ?? '', JWT_SECRET: testSecret } }
  for (const attempt of [1, 2]) {
    const { exitCode, stderr } = await user(place, ['list'])
    expect([attempt, exitCode]).toEqual([attempt, 1])
    expect(stderr).toContain('fastkit migrate')
  }
  await drop()
})
