import { beforeAll, describe, expect, test } from 'bun:test'
import { decodeJwt } from 'jose'
import { type Answer, aPassword, type Pair } from '../support/client'
import { enterAsAdmin, type Person } from '../support/people'
import { useService } from '../support/service'

const service = useService()
let admin: Person
beforeAll(async () => {
  admin = await enterAsAdmin(service)
})

const rounds = 20
const jtiOf = (token: string) => decodeJwt(token).jti
const sidOf = (token: string) => String(decodeJwt(token)['sid'])
const statusesOf = (answers: Answer[]) => [...new Set(answers.map(({ status }) => status))].toSorted()

test('20 refreshes at once with one token, 50 times over, make one successor each and the session lives', async () => {
  const user = await service.enter()
  let { refresh_token } = user
  for (let link = 1; link <= 50; link++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => service.refresh(refresh_token)))
    expect(statusesOf(answers)).toEqual([200])
    expect(new Set(answers.map(({ body }) => jtiOf(body.refresh_token))).size).toBe(1)
    const [last] = answers
    expect((await service.me(last?.body.access_token)).status).toBe(200)
    refresh_token = last?.body.refresh_token
  }
  const chain = await service.sql`select replaced_by from tokens where session_id = ${sidOf(refresh_token)}`
  expect(chain).toHaveLength(51)
  expect(chain.filter((row) => row['replaced_by'] === null)).toHaveLength(1)
})

type Ending = (user: Person) => Promise<Answer>
const own = (route: string, body?: object): Ending => {
  return ({ access_token: token }) =>
    service.call(route.replace(' ', ' /api/v1/'), { token, ...(body && { body }) })
}
const asAdmin = (method: string, id: string, body?: object) =>
  service.call(`${method} /api/v1/users/${id}`, { token: admin.access_token, ...(body && { body }) })

const endings: Record<string, Ending> = {
  logout: own('POST auth/logout'),
  'logout by the refresh token': ({ refresh_token }) =>
    service.call('POST /api/v1/auth/logout', { body: { refresh_token } }),
  'logout-all': own('POST auth/logout-all'),
  'a password change': own('POST auth/password', {
    current_password: aPassword,
    new_password: 'another horse battery',
  }),
  'an admin’s password change': ({ id }) => asAdmin('PATCH', id, { password: 'another horse battery' }),
  deactivation: ({ id }) => asAdmin('PATCH', id, { is_active: false }),
  'an admin’s end of all sessions': ({ id }) => asAdmin('DELETE', `${id}/sessions`),
  deletion: own('DELETE users/me', { current_password: aPassword }),
}

// These end the one session and leave the user's other alone.
const endsOne = new Set(['logout', 'logout by the refresh token'])

describe.each(Object.entries(endings))('refreshes that race %s', (name, end) => {
  test('leave no live token, and every request has a proper answer', async () => {
    for (let round = 0; round < rounds; round++) {
      const user = await service.enter()
      const second = { ...user, ...(await service.signIn(user)) }
      const { ended, answers } = await race(user, second, end)
      expect([200, 204]).toContain(ended.status)
      expect(answers.filter(({ status }) => status !== 200 && status !== 401)).toEqual([])

      const refreshed = answers.filter(({ status }) => status === 200).map(({ body }): Pair => body)
      const live = endsOne.has(name) ? sidOf(second.access_token) : null
      await expectVoid(
        [user, second, ...refreshed].filter(({ access_token }) => sidOf(access_token) !== live),
      )
      const fresh = ended.body?.access_token
      await expectNothingOpen(user, live ?? (fresh ? sidOf(fresh) : null))
    }
  })
})

async function race(user: Person, second: Person, end: Ending) {
  const refreshes = () =>
    Promise.all(Array.from({ length: 4 }, (_, at) => service.refresh((at % 2 ? user : second).refresh_token)))
  const [first, ended, last] = await Promise.all([refreshes(), end(user), refreshes()])
  return { ended, answers: [...first, ...last] }
}

async function expectVoid(pairs: Pick<Pair, 'access_token' | 'refresh_token'>[]) {
  for (const { access_token, refresh_token } of pairs) {
    expect((await service.me(access_token)).status).toBe(401)
    expect((await service.refresh(refresh_token)).status).toBe(401)
  }
}

/** Of the user's sessions only that one is live, and no ended one has a token that could still be used. */
async function expectNothingOpen({ id }: Person, liveSession: string | null) {
  const live = await service.sql`select id from sessions where user_id = ${id} and revoked_at is null`
  expect(live.map((session) => session['id'])).toEqual(liveSession ? [liveSession] : [])
  const open = await service.sql`select 1 from tokens t join sessions s on s.id = t.session_id
    where s.user_id = ${id} and s.revoked_at is not null and t.used_at is null and t.revoked_at is null`
  expect(open).toHaveLength(0)
}

test('nothing of all this met a deadlock, a full pool or a fault', () => {
  const bad = ['http.internal_error', 'database.unavailable']
  expect(service.lines.filter(({ event }) => bad.includes(event))).toEqual([])
})
