import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Actor, AnonymousActor, UserActor } from '../../src/core/actor'
import { failureIn } from '../../src/core/errors'
import * as auth from '../../src/modules/auth/service'
import * as sessions from '../../src/modules/sessions/service'
import * as users from '../../src/modules/users/service'
import { aPassword } from '../support/client'
import { enterAsAdmin } from '../support/people'
import { type Service, startTestService } from '../support/service'
import { type Attempt, attempts, modules, type Outcome, type Scene } from '../support/verb-attempts'
import { verbFiles } from '../support/verb-files'

let service: Service
let scene: Scene
let user: UserActor

beforeAll(async () => {
  service = await startTestService()
  await enterAsAdmin(service)
  const { deps } = service
  const origin = { ip: '192.0.2.7', userAgent: null, requestId: 'a-request' }
  const anonymous: AnonymousActor = { kind: 'anonymous', origin }
  const victim = await service.enter()
  const victimSession = await sessions.authenticate(deps, origin, victim.access_token)
  const other = await service.register()
  // The device is named for its owner, so that what is answered of it is known for theirs.
  const login = { email: other.email, password: aPassword, device_name: other.id }
  const { access_token: token } = await auth.login(deps, anonymous, login)
  user = await sessions.authenticate(deps, origin, token)
  scene = { service, deps, victim, victimSession, other, anonymous }
})
afterAll(() => service.stop())

/** What came of an attempt: the code that it failed with, or what it changed. */
async function outcomeOf({ call }: Attempt, actor: Actor): Promise<Outcome> {
  const before = await rows()
  // What a caller in JavaScript can do, whatever the types say.
  const attempt = async () => call(actor as never, scene)
  const result = await attempt().then(
    (value) => ({ value, code: null }),
    (error) => ({ value: null, code: failureIn(error)?.code ?? String(error) }),
  )
  const after = await rows()
  const isOthers = (row: string) => !row.includes(scene.other.id)
  expect(after.filter(isOthers)).toEqual(before.filter(isOthers))
  if (result.code !== null) {
    expect(after).toEqual(before)
    return result.code
  }
  if (String(after) !== String(before)) return 'own'
  return JSON.stringify(result.value ?? null).includes(scene.other.id) ? 'own' : 'nothing'
}

/** Every row that a verb writes: the service keeps its own heartbeat, and that a sign-in failed is on record, whoever tried. */
async function rows(): Promise<string[]> {
  const tables = await service.sql`
    select table_name as name from information_schema.tables where table_schema = 'public' and table_name <> 'realtime_instances' order by 1`
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
  expect(Object.keys(modules).toSorted()).toEqual(await verbFiles())
  expect(Object.keys(attempts).toSorted()).toEqual(verbs.toSorted())
})

describe.each(Object.entries(attempts))('%s', (_, attempt) => {
  test(`for an anonymous actor is ${attempt.anonymous}`, async () => {
    expect(await outcomeOf(attempt, scene.anonymous)).toBe(attempt.anonymous)
  })

  test(`for another user is ${attempt.user}`, async () => {
    expect(await outcomeOf(attempt, user)).toBe(attempt.user)
  })
})

describe('an actor', () => {
  test('that is anonymous makes ordinary accounts only, whatever it asks for', async () => {
    const wish = { email: 'climber@example.com', password: aPassword, role: 'admin' as const }
    expect(await users.register(service.deps, scene.anonymous, wish)).toMatchObject({ role: 'user' })
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
