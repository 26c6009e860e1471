import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { decodeJwt } from 'jose'
import type { Answer } from '../support/client'
import { createTestDatabase } from '../support/database'
import { enterAsAdmin, outcome } from '../support/people'
import { assertAsyncProperty, seed } from '../support/random'
import { type Service, startTestService } from '../support/service'
import {
  type Access,
  createSessionModel,
  type Expected,
  type Pair,
  type SessionModel,
  type User,
} from '../support/session-model'

const runs = 250
const maxRun = 100
// A busy machine gets through fewer runs in it.
const timeLimitMilliseconds = 120_000

let service: Service
let database: Awaited<ReturnType<typeof createTestDatabase>>
let admin: { email: string; password: string }
let steps = 0
// Time stands still but for the steps of the test, on a whole second: no boundary depends on how fast it runs.
let seconds = Math.floor(Date.now() / 1000)
const clock = {
  now: () => new Date(seconds * 1000),
  advance: (more: number) => {
    seconds += more
  },
}
beforeAll(async () => {
  database = await createTestDatabase()
  service = await startTestService({}, { beside: { databaseUrl: database.url, clock } })
  admin = await enterAsAdmin(service)
})
afterAll(async () => {
  await service.stop()
  await database.drop()
})

type Command = fc.AsyncCommand<SessionModel, Service>

/** A step that needs one of `things`, chosen by `at` counted from the newest. */
function step<T>(
  name: string,
  things: (model: SessionModel) => T[],
  act: (model: SessionModel, thing: T) => Promise<[Answer, Expected]>,
) {
  return (at: number): Command => ({
    check: (model) => things(model).length > 0,
    async run(model) {
      steps++
      const list = things(model)
      const thing = list[list.length - 1 - (at % list.length)]
      if (thing === undefined) throw new Error('checked before')
      const [answer, expected] = await act(model, thing)
      const { status, code } = expected
      expect([name, ...outcome(answer)]).toEqual([name, status, ...(code ? [code] : [])])
      if (expected.pair) learn(expected.pair, answer.body, model.now())
    },
    toString: () => `${name}(${at})`,
  })
}

/** The real tokens take the places of those in the model; a repeated successor has to be the one that is there. */
function learn({ access, refresh }: Pair, body: Answer['body'], now: number) {
  expect([body.expires_in, body.refresh_expires_in]).toEqual([access.endsAt - now, refresh.endsAt - now])
  if (refresh.text) expect(decodeJwt(body.refresh_token).jti).toBe(decodeJwt(refresh.text).jti)
  access.text = body.access_token
  refresh.text = body.refresh_token
}

const post = (path: string, body?: object, token?: string) =>
  service.call(`POST /api/v1/auth/${path}`, { ...(body && { body }), token })
async function asAdmin(method: string, { id }: User, body?: object) {
  const { access_token: token } = await service.signIn(admin)
  return service.call(`${method} /api/v1/users/${id}`, { token, ...(body && { body }) })
}

const users = (model: SessionModel) => model.users
const accesses = (model: SessionModel) => model.accesses
const refreshes = (model: SessionModel) => model.refreshes
let passwords = 0

const register: Command = {
  check: (model) => model.users.length < 3,
  async run(model) {
    steps++
    model.register({ ...(await service.register()), state: 'active' })
  },
  toString: () => 'register()',
}
const advance = (by: number): Command => ({
  check: () => true,
  async run(model) {
    clock.advance(by)
    model.advance(by)
  },
  toString: () => `advance(${by})`,
})
const login = step('login', users, async (model, user) => {
  const { email, password } = user
  return [await post('login', { email, password }), model.login(user, password)]
})
const loginWrong = step('login wrong', users, async (model, user) => {
  return [await post('login', { email: user.email, password: 'not the password' }), model.login(user, '')]
})
const me = step('me', accesses, async (model, token) => [await service.me(token.text), model.me(token)])
const refresh = step('refresh', refreshes, async (model, token) => {
  return [await service.refresh(token.text), model.refresh(token)]
})
const refreshByAccess = step('refresh by access token', accesses, async (_, { text }) => {
  return [await service.refresh(text), { status: 401, code: 'invalid_refresh_token' }]
})
const meByRefresh = step('me by refresh token', refreshes, async (_, { text }) => {
  return [await service.me(text), { status: 401, code: 'invalid_token' }]
})
const logout = step('logout', accesses, async (model, token) => {
  return [await post('logout', undefined, token.text), model.logout(token)]
})
const logoutByRefresh = step('logout by refresh token', refreshes, async (model, token) => {
  return [await post('logout', { refresh_token: token.text }), model.logout(token)]
})
const logoutAll = step('logout-all', accesses, async (model, token) => {
  return [await post('logout-all', undefined, token.text), model.logoutAll(token)]
})
const changePassword = (isKnown: boolean) =>
  step(isKnown ? 'password' : 'password wrong', accesses, async (model, token: Access) => {
    const current = isKnown ? token.session.user.password : 'not the password'
    const next = `another horse battery ${++passwords}`
    const body = { current_password: current, new_password: next }
    return [await post('password', body, token.text), model.changePassword(token, current, next)]
  })
const activate = (is_active: boolean) =>
  step(is_active ? 'activate' : 'deactivate', users, async (model, user) => {
    return [await asAdmin('PATCH', user, { is_active }), model.activate(user, is_active)]
  })
const remove = step('delete', users, async (model, user) => {
  return [await asAdmin('DELETE', user), model.remove(user)]
})

const short = [1, 9, 10, 11].map(advance)
const long = [60, 895, 900, 905, 3600, 86_400, 3 * 86_400, 7 * 86_400, 7 * 86_400 + 4, 8 * 86_400].map(
  advance,
)
const anyOf = fc.nat({ max: 40 })
const newest = fc.nat({ max: 1 })
// Mostly what a client does; what ends everything is rare, or little would be left to act on.
const commands = fc.oneof(
  ...[newest.map(refresh), newest.map(refresh), newest.map(login)].map(weighing(10)),
  ...[anyOf.map(refresh), newest.map(me), anyOf.map(me), fc.constantFrom(...short)].map(weighing(6)),
  ...[fc.constant(register), anyOf.map(loginWrong), fc.constantFrom(...long)].map(weighing(1)),
  ...[anyOf.map(refreshByAccess), anyOf.map(meByRefresh), anyOf.map(changePassword(false))].map(weighing(2)),
  ...[anyOf.map(logout), anyOf.map(logoutByRefresh), newest.map(changePassword(true))].map(weighing(2)),
  ...[anyOf.map(activate(true)), newest.map(activate(false))].map(weighing(1)),
  ...[newest.map(logoutAll), anyOf.map(remove)].map(weighing(1)),
)

function weighing(weight: number) {
  return (arbitrary: fc.Arbitrary<Command>) => ({ weight, arbitrary })
}

/** At the end as many sessions have not been ended as the model counts. */
async function compareRows(model: SessionModel) {
  for (const user of model.users) {
    const rows = await service.sql`select 1 from sessions where user_id = ${user.id} and revoked_at is null`
    expect(rows).toHaveLength(user.state === 'deleted' ? 0 : model.liveSessions(user))
  }
}

test('sessions answer as the model of the contract does, step by step', async () => {
  const property = fc.asyncProperty(
    fc.commands([commands], { maxCommands: maxRun, size: 'max' }),
    async (sequence) => {
      const model = createSessionModel()
      await fc.asyncModelRun(() => ({ model, real: service }), sequence)
      await compareRows(model)
    },
  )
  await assertAsyncProperty(property, { numRuns: runs, interruptAfterTimeLimit: timeLimitMilliseconds })
  process.stderr.write(`${steps} steps agreed with the model, seed ${seed}\n`)
  expect(steps).toBeGreaterThan(1000)
}, 180_000)
