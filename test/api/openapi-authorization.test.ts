import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Answer } from '../support/client'
import { misfits } from '../support/openapi'
import { enterAsAdmin } from '../support/people'
import { type Door, doorsIn } from '../support/route-access'
import { type Service, startTestService } from '../support/service'

// Started here and not in `beforeAll`, because the document names the tests.
const service: Service = await startTestService()
const { body: document } = await service.call('GET /docs/openapi.json')
const operations = doorsIn(document)

beforeAll(() => enterAsAdmin(service))
afterAll(() => service.stop())

const unknownId = '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'

type CallOptions = { token?: string | undefined; id?: string }
type Kind = 'example' | 'malformed' | 'none'
const kinds: Kind[] = ['example', 'malformed', 'none']

/** Calls an operation with the example of the document, a malformed body or none. */
function send({ name, type, example }: Door, { token, id = unknownId }: CallOptions, kind: Kind) {
  const bodies = {
    example: type.includes('form') ? String(new URLSearchParams(Object(example))) : JSON.stringify(example),
    malformed: '{"role":"admin"',
    none: undefined,
  }
  const body = type ? bodies[kind] : undefined
  return service.call(name.replace('{id}', id), {
    token,
    ...(body !== undefined && { body, headers: { 'content-type': type } }),
  })
}

/** The error code of the guard, or 'let in'. Fails for a response that the document does not declare. */
function resultOf(operation: Door, answer: Answer): string {
  expect([operation.name, ...misfits(document, operation.name, answer)]).toEqual([operation.name])
  expect(answer.status).toBeLessThan(500)
  const { code } = answer.body ?? {}
  return ['unauthenticated', 'invalid_token', 'forbidden'].includes(code) ? code : 'let in'
}

async function resultsOf(operation: Door, visitor: () => Promise<CallOptions>) {
  const found = new Set<string>()
  for (const kind of kinds) found.add(resultOf(operation, await send(operation, await visitor(), kind)))
  return [...found]
}

const noToken = async () => ({})
const invalidToken = async () => ({ token: 'garbage' })
const user = async () => ({ token: (await service.enter()).access_token })
const owner = async () => {
  const { id, access_token: token } = await service.enter()
  return { id, token }
}
const otherUser = async () => ({ ...(await user()), id: (await service.register()).id })
const admin = async () => ({ token: (await enterAsAdmin(service)).access_token })
const adminOnOther = async () => ({ ...(await admin()), id: (await service.register()).id })

const named = (wanted: Door[]) => wanted.map((operation) => [operation.name, operation] as const)
const guarded = operations.filter(({ roles, isOptional }) => roles !== null && !isOptional)
const forAnyone = guarded.filter(({ roles }) => roles?.length === 0)
const forAdmins = guarded.filter(({ roles }) => roles?.length === 1)
const forOwners = guarded.filter(({ roles }) => roles?.includes('owner'))

test('every operation is open, or for users, owners or admins', () => {
  const open = operations.filter((operation) => !guarded.includes(operation)).map(({ name }) => name)
  const known = [
    'livez',
    'readyz',
    // A client may sign in with its first message; realtime.auth.test.ts covers that.
    'api/v1/ws',
    ...['register', 'login', 'refresh', 'logout', 'token'].map((it) => `api/v1/auth/${it}`),
  ]
  expect(open.map((name) => name.split(' /')[1]).filter((path) => !known.includes(path ?? ''))).toEqual([])
  expect(forAnyone.length + forAdmins.length + forOwners.length).toBe(guarded.length)
  expect(Math.min(forAnyone.length, forAdmins.length, forOwners.length)).toBeGreaterThan(2)
})

describe.each(named(guarded))('%s', (_, operation) => {
  test('without a token or with an invalid one is 401 for any body', async () => {
    expect(await resultsOf(operation, noToken)).toEqual(['unauthenticated'])
    expect(await resultsOf(operation, invalidToken)).toEqual(['invalid_token'])
  })

  test('is allowed for an admin', async () => {
    expect(await resultsOf(operation, admin)).toEqual(['let in'])
    expect(await resultsOf(operation, adminOnOther)).toEqual(['let in'])
  })
})

describe.each(named(forAnyone))('%s', (_, operation) => {
  test('is allowed for a user', async () => {
    expect(await resultsOf(operation, user)).toEqual(['let in'])
  })
})

describe.each(named(forAdmins))('%s', (_, operation) => {
  test('is 403 for a user, for any body and any account', async () => {
    for (const who of [user, owner, otherUser]) expect(await resultsOf(operation, who)).toEqual(['forbidden'])
  })
})

describe.each(named(forOwners))('%s', (_, operation) => {
  test('is allowed for the owner and 403 for another user', async () => {
    expect(await resultsOf(operation, owner)).toEqual(['let in'])
    for (const who of [user, otherUser]) expect(await resultsOf(operation, who)).toEqual(['forbidden'])
  })
})

describe.each(named(operations.filter((operation) => !guarded.includes(operation))))('%s', (_, operation) => {
  test('is allowed for everyone and responds as declared', async () => {
    // A plain GET without an upgrade needs no token.
    const isAsked = operation.isOptional && operation.name !== 'GET /api/v1/ws'
    expect(await resultsOf(operation, noToken)).toContain(isAsked ? 'unauthenticated' : 'let in')
    for (const who of [user, admin]) expect(await resultsOf(operation, who)).toEqual(['let in'])
    if (!isAsked) expect(await resultsOf(operation, invalidToken)).toEqual(['let in'])
  })
})

describe.each(named(operations.filter(({ name }) => name.startsWith('GET '))))('%s', (name, operation) => {
  test('has the same status for HEAD, without a body', async () => {
    for (const who of [noToken, user, admin]) {
      const visitor = await who()
      const [get, head] = [
        await send(operation, visitor, 'none'),
        await send({ ...operation, name: name.replace('GET', 'HEAD') }, visitor, 'none'),
      ]
      expect([head.status, head.text]).toEqual([get.status, ''])
    }
  })
})
