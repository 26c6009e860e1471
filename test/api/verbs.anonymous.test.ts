import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Actor, AnonymousActor, UserActor } from '../../src/core/actor'
import { failureIn } from '../../src/core/errors'
import * as audit from '../../src/modules/audit/service'
import * as auth from '../../src/modules/auth/service'
import * as tokenGrant from '../../src/modules/auth/token-grant'
import * as health from '../../src/modules/health/service'
import * as realtime from '../../src/modules/realtime/service'
import * as tickets from '../../src/modules/realtime/tickets'
import * as devices from '../../src/modules/sessions/manage-sessions'
import * as refreshing from '../../src/modules/sessions/refresh'
import * as sessions from '../../src/modules/sessions/service'
import * as administration from '../../src/modules/users/administration'
import * as firstAdmin from '../../src/modules/users/first-admin'
import * as users from '../../src/modules/users/service'
import * as userPassword from '../../src/modules/users/user-password'
import { aPassword } from '../support/client'
import { enterAsAdmin, type Person } from '../support/people'
import { type Service, startService } from '../support/service'
import { verbFiles } from '../support/verb-files'

const modules: Record<string, Record<string, unknown>> = {
  'audit/service': audit,
  'auth/service': auth,
  'auth/token-grant': tokenGrant,
  'health/service': health,
  'realtime/service': realtime,
  'realtime/tickets': tickets,
  'sessions/manage-sessions': devices,
  'sessions/refresh': refreshing,
  'sessions/service': sessions,
  'users/administration': administration,
  'users/first-admin': firstAdmin,
  'users/service': users,
  'users/user-password': userPassword,
}

let service: Service
let victim: Person
let other: { id: string }
let anonymous: AnonymousActor
let user: UserActor

beforeAll(async () => {
  service = await startService()
  await enterAsAdmin(service)
  victim = await service.enter()
  const account = await service.register()
  other = account
  const origin = { ip: '192.0.2.7', userAgent: null, requestId: 'a-request' }
  anonymous = { kind: 'anonymous', origin }
  // The device is named for its owner, so that what is answered of it is known for theirs.
  const login = { email: account.email, password: aPassword, device_name: account.id }
  const { access_token: token } = await auth.login(service.deps, anonymous, login)
  user = await sessions.authenticate(service.deps, origin, token)
})
afterAll(() => service.stop())

/** An error code; `own` for what touches the actor's account alone; `nothing` for what changes nothing. */
type Outcome = string
type Attempt = {
  anonymous: Outcome
  user: Outcome
  /** Calls the verb at somebody else's expense. The actor fits every type, as after a cast. */
  call: (actor: never) => unknown
  /** The reason why anyone may, where anyone may. */
  open?: string
}

const refused = (call: Attempt['call'], outcome = 'forbidden'): Attempt => ({
  anonymous: 'unauthenticated',
  user: outcome,
  call,
})
const open = (reason: string, call: Attempt['call'], outcome = 'nothing'): Attempt => ({
  anonymous: outcome,
  user: outcome,
  call,
  open: reason,
})

const wrong = 'not the password of anyone'
const signUp = { email: 'mallory@example.com', password: aPassword }
const deps = () => service.deps
const ownChannel = () => `user:${victim.id}`
const ofVictim = async () => {
  const { sessionId, userId } = await sessions.authenticate(deps(), anonymous.origin, victim.access_token)
  return { sessionId, userId }
}
const maintenance = 'Deletes what has expired, and nothing else.'

const attempts: Record<string, Attempt> = {
  'audit/service.list': refused((actor) => audit.list(deps(), actor, {})),
  'audit/service.record': open('Writes down what a verb did, under the id of the actor.', () => null),
  'audit/service.sweep': open(maintenance, () => audit.sweep(deps(), 10)),
  'auth/service.login': open(
    'Asks for the password.',
    (actor) => auth.login(deps(), actor, { email: victim.email, password: wrong }),
    'invalid_credentials',
  ),
  'auth/token-grant.grant': open(
    'Asks for the password or a refresh token.',
    (actor) => tokenGrant.grant(deps(), actor, { grant_type: 'refresh_token', refresh_token: 'x.y.z' }),
    'invalid_refresh_token',
  ),
  'health/service.readiness': open('Tells nothing of any account.', () => health.readiness(service)),
  'realtime/service.broadcast': refused((actor) => realtime.broadcast(deps(), actor, 'hello')),
  'realtime/service.disconnect': refused((actor) => realtime.disconnect(deps(), actor, victim.id)),
  'realtime/service.history': refused((actor) => realtime.history(deps(), actor, { channel: ownChannel() })),
  'realtime/service.presence': refused((actor) => realtime.presence(deps(), actor, ownChannel())),
  'realtime/service.publish': refused((actor) =>
    realtime.publish(deps(), actor, { channel: ownChannel(), data: 'hello', socketId: null }),
  ),
  'realtime/service.sweep': open(maintenance, () => realtime.sweep(deps(), 10)),
  'realtime/tickets.issue': refused((actor) => tickets.issue(deps(), actor), 'own'),
  'realtime/tickets.redeem': open(
    'Asks for the ticket.',
    () => tickets.redeem(deps(), anonymous.origin, 'no-ticket'),
    'invalid_token',
  ),
  'sessions/manage-sessions.list': refused((actor) => devices.list(deps(), actor, {}), 'own'),
  'sessions/manage-sessions.listOf': refused((actor) => devices.listOf(deps(), actor, { userId: victim.id })),
  'sessions/manage-sessions.revokeAllOf': refused((actor) => devices.revokeAllOf(deps(), actor, victim.id)),
  'sessions/manage-sessions.revokeOwn': refused(
    async (actor) => devices.revokeOwn(deps(), actor, (await ofVictim()).sessionId),
    'not_found',
  ),
  'sessions/refresh.refresh': open(
    'Asks for a refresh token.',
    (actor) => refreshing.refresh(deps(), actor, victim.access_token),
    'invalid_refresh_token',
  ),
  'sessions/service.authenticate': open(
    'Asks for an access token.',
    () => sessions.authenticate(deps(), anonymous.origin, victim.refresh_token),
    'invalid_token',
  ),
  'sessions/service.deviceOf': refused((actor) => sessions.deviceOf(deps(), actor), 'own'),
  'sessions/service.isInForce': open('Looks at a key id alone.', () =>
    sessions.isInForce(deps(), { kid: 'unknown' }),
  ),
  'sessions/service.knownNetwork': open('Part of a sign-in, which tells nobody.', (actor) =>
    sessions.knownNetwork(deps(), actor, victim.email),
  ),
  'sessions/service.logout': open(
    'Asks for a token.',
    (actor) => sessions.logout(deps(), actor, { access_token: victim.refresh_token }),
    'invalid_token',
  ),
  'sessions/service.open': open('Asks for the hash of the password that was checked.', (actor) => {
    const device = { deviceName: null, userAgent: null, ip: null }
    return sessions.open(deps(), actor, { user: { id: victim.id, passwordHash: wrong }, device })
  }),
  'sessions/service.revoke': refused(
    async (actor) => sessions.revoke(deps(), actor, { ...(await ofVictim()), reason: 'logged_out' }),
    'nothing',
  ),
  'sessions/service.revokeAll': refused((actor) =>
    sessions.revokeAll(deps(), actor, { userId: victim.id, reason: 'logged_out' }),
  ),
  'sessions/service.rolesOf': open('Looks up the sockets of this process.', async () =>
    sessions.rolesOf(deps(), [(await ofVictim()).sessionId]),
  ),
  'sessions/service.sweep': open(maintenance, () => sessions.sweep(deps(), 10)),
  'sessions/service.validateSession': open(
    'Asks for the key id of a verified token.',
    async () => {
      const claims = { ...(await ofVictim()), expiresAt: new Date(8.64e15), origin: anonymous.origin }
      return sessions.validateSession(deps(), { ...claims, kid: 'unknown' })
    },
    'invalid_token',
  ),
  'users/administration.change': refused((actor) =>
    administration.change(deps(), actor, { id: other.id, role: 'admin' }),
  ),
  'users/administration.create': refused((actor) =>
    administration.create(deps(), actor, { ...signUp, role: 'admin' }),
  ),
  'users/administration.get': refused((actor) => administration.get(deps(), actor, victim.id)),
  'users/administration.getByEmail': refused((actor) =>
    administration.getByEmail(deps(), actor, victim.email),
  ),
  'users/administration.list': refused((actor) => administration.list(deps(), actor, {})),
  'users/administration.remove': refused((actor) => administration.remove(deps(), actor, victim.id)),
  'users/first-admin.ensureFirstAdmin': refused((actor) =>
    firstAdmin.ensureFirstAdmin(deps(), actor, signUp),
  ),
  'users/service.changeMe': refused(
    (actor) => users.changeMe(deps(), actor, { display_name: 'Other' }),
    'own',
  ),
  'users/service.profile': refused((actor) => users.profile(deps(), actor), 'own'),
  'users/service.register': open(
    'Anyone may sign up, with an address that is free.',
    (actor) => users.register(deps(), actor, { email: victim.email, password: aPassword }),
    'email_taken',
  ),
  'users/service.removeMe': refused(
    (actor) => users.removeMe(deps(), actor, { current_password: wrong }),
    'wrong_password',
  ),
  'users/user-password.changePassword': refused(
    (actor) =>
      userPassword.changePassword(deps(), actor, { current_password: wrong, new_password: aPassword }),
    'wrong_password',
  ),
  'users/user-password.checkPassword': open('Checks the password.', () =>
    userPassword.checkPassword(deps(), victim.email, wrong),
  ),
  'users/user-password.reauthenticate': refused(
    (actor) => userPassword.reauthenticate(deps(), actor, wrong),
    'wrong_password',
  ),
}

/** What came of an attempt: the code that it failed with, or what it changed. */
async function outcomeOf({ call }: Attempt, actor: Actor): Promise<Outcome> {
  const before = await rows()
  // What a caller in JavaScript can do, whatever the types say.
  const attempt = async () => call(actor as never)
  const result = await attempt().then(
    (value) => ({ value, code: null }),
    (error) => ({ value: null, code: failureIn(error)?.code ?? String(error) }),
  )
  const after = await rows()
  const isOthers = (row: string) => !row.includes(other.id)
  expect(after.filter(isOthers)).toEqual(before.filter(isOthers))
  if (result.code !== null) {
    expect(after).toEqual(before)
    return result.code
  }
  if (String(after) !== String(before)) return 'own'
  return JSON.stringify(result.value ?? null).includes(other.id) ? 'own' : 'nothing'
}

/** Every row of the database. That a sign-in failed is on record, whoever tried. */
async function rows(): Promise<string[]> {
  const tables = await service.sql`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`
  const found: string[] = []
  for (const { name } of tables) {
    const kept = await service.sql`select to_jsonb(t)::text as row from ${service.sql(name)} t`
    found.push(...kept.map(({ row }) => `${name} ${row}`).toSorted())
  }
  return found.filter((row) => !row.includes('"sign_in.failed"'))
}

const verbs = Object.entries(modules).flatMap(([file, exports]) =>
  Object.entries(exports).flatMap(([name, value]) =>
    typeof value === 'function' ? [`${file}.${name}`] : [],
  ),
)

test('every verb that routes and the server call is tried here', async () => {
  expect(Object.keys(modules)).toEqual(await verbFiles())
  expect(Object.keys(attempts)).toEqual(verbs.toSorted())
})

describe.each(Object.entries(attempts))('%s', (_, attempt) => {
  test(`for an anonymous actor is ${attempt.anonymous}`, async () => {
    expect(await outcomeOf(attempt, anonymous)).toBe(attempt.anonymous)
  })

  test(`for another user is ${attempt.user}`, async () => {
    expect(await outcomeOf(attempt, user)).toBe(attempt.user)
  })
})

describe('an actor', () => {
  test('that is anonymous makes ordinary accounts only, whatever it asks for', async () => {
    const wish = { email: 'climber@example.com', password: aPassword, role: 'admin' as const }
    expect(await users.register(service.deps, anonymous, wish)).toMatchObject({ role: 'user' })
  })

  test('of a role that the account has no more changes nothing', async () => {
    const demoted: UserActor = { ...user, role: 'admin' }
    for (const name of ['create', 'change', 'remove'])
      expect([name, await outcomeOf(tried(name), demoted)]).toEqual([name, 'forbidden'])
  })

  test('of an unknown kind is refused', async () => {
    // As a module in JavaScript might make one.
    const unknown = { ...user, kind: 'root' } as unknown as Actor
    for (const name of ['list', 'create', 'change', 'remove'])
      expect([name, await outcomeOf(tried(name), unknown)]).toEqual([name, 'unauthenticated'])
  })
})

function tried(name: string): Attempt {
  const attempt = attempts[`users/administration.${name}`]
  if (!attempt) throw new Error(`no attempt at ${name}`)
  return attempt
}
