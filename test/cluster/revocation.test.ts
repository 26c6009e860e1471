import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { aPassword } from '../support/client'
import { enterAsAdmin, type Person } from '../support/people'
import { type Service, startTestService } from '../support/service'

// Two instances over one database; the embedded one has a single process, which is then its own neighbour.
let here: Service
let there: Service
let admin: Person
beforeAll(async () => {
  here = await startTestService()
  there = here.databaseUrl ? await startTestService({}, { beside: here }) : here
  admin = await enterAsAdmin(here)
})
afterAll(async () => {
  if (there !== here) await there.stop()
  await here.stop()
})

const maxDelay = 1000
const asAdmin = (method: string, path: string, body?: object) =>
  here.call(`${method} /api/v1/users/${path}`, { token: admin.access_token, ...(body && { body }) })

type Change = (user: Person) => ReturnType<Service['call']>
const own = (route: string, body?: object): Change => {
  return ({ access_token: token }) =>
    here.call(route.replace(' ', ' /api/v1/'), { token, ...(body && { body }) })
}
const endings: Record<string, Change> = {
  logout: own('POST auth/logout'),
  'logout by the refresh token': ({ refresh_token }) =>
    here.call('POST /api/v1/auth/logout', { body: { refresh_token } }),
  'logout-all': own('POST auth/logout-all'),
  'end of the session': (user) =>
    own(`DELETE users/me/sessions/${decodeJwt(user.access_token)['sid']}`)(user),
  'end of all sessions by an admin': ({ id }) => asAdmin('DELETE', `${id}/sessions`),
  'password change': own('POST auth/password', {
    current_password: aPassword,
    new_password: 'another horse battery',
  }),
  'password change by an admin': ({ id }) => asAdmin('PATCH', id, { password: 'another horse battery' }),
  deactivation: ({ id }) => asAdmin('PATCH', id, { is_active: false }),
  deletion: own('DELETE users/me', { current_password: aPassword }),
  'deletion by an admin': ({ id }) => asAdmin('DELETE', id),
  'reuse of a refresh token': async ({ refresh_token }) => {
    const { body } = await here.refresh(refresh_token)
    await here.refresh(body.refresh_token)
    return here.refresh(refresh_token)
  },
}

/** Asks for the account several times, so that every cache knows it. */
async function warm({ access_token }: Person, ...instances: Service[]) {
  for (const instance of instances)
    for (let time = 0; time < 3; time++) expect((await instance.me(access_token)).status).toBe(200)
}

/** Milliseconds until `ask` answers `status`; throws after a second. */
async function delayUntil(status: number, ask: () => Promise<{ status: number }>) {
  const startedAt = performance.now()
  for (;;) {
    const answer = await ask()
    const delay = performance.now() - startedAt
    if (answer.status === status) return delay
    if (delay > maxDelay) throw new Error(`still ${answer.status} after ${delay.toFixed(0)} ms`)
  }
}

describe.each(Object.entries(endings))('%s', (_, end) => {
  test('voids the access token for the next request', async () => {
    const user = await here.enter()
    await warm(user, here)
    expect((await end(user)).status).toBeLessThan(402)
    expect((await here.me(user.access_token)).body.code).toBe('invalid_token')
    expect((await here.refresh(user.refresh_token)).status).toBe(401)
  })

  test('voids it on the other instance within a second, for good', async () => {
    const user = await here.enter()
    await warm(user, here, there)
    await end(user)
    await delayUntil(401, () => there.me(user.access_token))
    for (let time = 0; time < 3; time++) expect((await there.me(user.access_token)).status).toBe(401)
    expect((await there.refresh(user.refresh_token)).status).toBe(401)
  })
})

describe('a role', () => {
  test('changes what the next request may do, and on the other instance within a second', async () => {
    const user = await here.enter()
    const asks = (instance: Service) => () =>
      instance.call('GET /api/v1/users?limit=1', { token: user.access_token })
    await warm(user, here, there)
    for (const [role, status] of [
      ['admin', 200],
      ['user', 403],
    ] as const) {
      await asAdmin('PATCH', user.id, { role })
      expect((await asks(here)()).status).toBe(status)
      await delayUntil(status, asks(there))
    }
  })

  test('is the one of the database, whatever a warm instance answered a moment ago', async () => {
    const user = await here.enter()
    await asAdmin('PATCH', user.id, { role: 'admin' })
    const { id } = await here.register()
    const reads = () => here.call(`GET /api/v1/users/${id}`, { token: user.access_token })
    expect((await reads()).status).toBe(200)
    await asAdmin('PATCH', user.id, { role: 'user' })
    expect((await reads()).body.code).toBe('forbidden')
  })
})

test('a session that ends leaves the others of its user alone', async () => {
  const user = await here.enter()
  const other = { ...user, ...(await here.signIn(user)) }
  await warm(user, here, there)
  await warm(other, here, there)
  await here.call('POST /api/v1/auth/logout', { token: user.access_token })
  await delayUntil(401, () => there.me(user.access_token))
  await warm(other, here, there)
})

test('50 revocations reach the other instance, the slowest within a second', async () => {
  const people = await Promise.all(Array.from({ length: 50 }, here.enter))
  const delays: number[] = []
  for (const user of people) {
    await warm(user, there)
    await here.call('POST /api/v1/auth/logout', { token: user.access_token })
    delays.push(await delayUntil(401, () => there.me(user.access_token)))
  }
  const [median = 0, worst = 0] = [25, 49].map((at) => delays.toSorted((a, b) => a - b)[at])
  process.stderr.write(`revocation seen after ${median.toFixed(1)} ms, at most ${worst.toFixed(1)} ms\n`)
  expect(worst).toBeLessThan(maxDelay)
})
