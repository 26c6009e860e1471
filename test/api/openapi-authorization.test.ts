import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import type { Answer } from '../support/client'
import { misfits } from '../support/openapi'
import { enterAsAdmin } from '../support/people'
import { type Door, doorsIn } from '../support/route-access'
import { type Service, startTestService } from '../support/service'

// Started before the tests are named: their list is the document's.
const service: Service = await startTestService()
const { body: document } = await service.call('GET /docs/openapi.json')
const operations = doorsIn(document)

beforeAll(() => enterAsAdmin(service))
afterAll(() => service.stop())

const unknownId = '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'

type Visit = { token?: string | undefined; id?: string }
type Kind = 'example' | 'malformed' | 'none'
const kinds: Kind[] = ['example', 'malformed', 'none']

/** Asks for an operation with the document's own example, with rubbish or with nothing as its body. */
function visit({ name, type, example }: Door, { token, id = unknownId }: Visit, kind: Kind) {
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

/** What the guard said, if it said anything; and the answer has to be one that the document declares. */
function verdict(operation: Door, answer: Answer): string {
  expect([operation.name, ...misfits(document, operation.name, answer)]).toEqual([operation.name])
  expect(answer.status).toBeLessThan(500)
  const { code } = answer.body ?? {}
  return ['unauthenticated', 'invalid_token', 'forbidden'].includes(code) ? code : 'let in'
}

async function verdicts(operation: Door, who: () => Promise<Visit>) {
  const found = new Set<string>()
  for (const kind of kinds) found.add(verdict(operation, await visit(operation, await who(), kind)))
  return [...found]
}

const nobody = async () => ({})
const garbage = async () => ({ token: 'garbage' })
const user = async () => ({ token: (await service.enter()).access_token })
const owner = async () => {
  const { id, access_token: token } = await service.enter()
  return { id, token }
}
const otherUser = async () => ({ ...(await user()), id: (await service.register()).id })
const admin = async () => ({ token: (await enterAsAdmin(service)).access_token })
const adminToSomeone = async () => ({ ...(await admin()), id: (await service.register()).id })

const named = (wanted: Door[]) => wanted.map((operation) => [operation.name, operation] as const)
const guarded = operations.filter(({ roles, isOptional }) => roles !== null && !isOptional)
const forAnyone = guarded.filter(({ roles }) => roles?.length === 0)
const forAdmins = guarded.filter(({ roles }) => roles?.length === 1)
const forOwners = guarded.filter(({ roles }) => roles?.includes('owner'))

test('the document divides into open doors, doors for accounts, for owners and for admins', () => {
  const open = operations.filter((operation) => !guarded.includes(operation)).map(({ name }) => name)
  const known = [
    'livez',
    'readyz',
    // Open to whoever says who he is in his first message; realtime.auth.test.ts walks through it.
    'api/v1/ws',
    ...['register', 'login', 'refresh', 'logout', 'token'].map((it) => `api/v1/auth/${it}`),
  ]
  expect(open.map((name) => name.split(' /')[1]).filter((path) => !known.includes(path ?? ''))).toEqual([])
  expect(forAnyone.length + forAdmins.length + forOwners.length).toBe(guarded.length)
  expect(Math.min(forAnyone.length, forAdmins.length, forOwners.length)).toBeGreaterThan(2)
})

describe.each(named(guarded))('%s', (_, operation) => {
  test('without a token and with garbage is 401, whatever the body', async () => {
    expect(await verdicts(operation, nobody)).toEqual(['unauthenticated'])
    expect(await verdicts(operation, garbage)).toEqual(['invalid_token'])
  })

  test('with an admin’s token lets in', async () => {
    expect(await verdicts(operation, admin)).toEqual(['let in'])
    expect(await verdicts(operation, adminToSomeone)).toEqual(['let in'])
  })
})

describe.each(named(forAnyone))('%s', (_, operation) => {
  test('with a user’s token lets in', async () => {
    expect(await verdicts(operation, user)).toEqual(['let in'])
  })
})

describe.each(named(forAdmins))('%s', (_, operation) => {
  test('with a user’s token is 403, whatever the body and whoever is meant', async () => {
    for (const who of [user, owner, otherUser]) expect(await verdicts(operation, who)).toEqual(['forbidden'])
  })
})

describe.each(named(forOwners))('%s', (_, operation) => {
  test('with the owner’s token lets in, with another user’s is 403', async () => {
    expect(await verdicts(operation, owner)).toEqual(['let in'])
    for (const who of [user, otherUser]) expect(await verdicts(operation, who)).toEqual(['forbidden'])
  })
})

describe.each(named(operations.filter((operation) => !guarded.includes(operation))))('%s', (_, operation) => {
  test('lets in whoever comes, and answers as declared', async () => {
    // Without an upgrade nobody is asked for a token.
    const isAsked = operation.isOptional && operation.name !== 'GET /api/v1/ws'
    expect(await verdicts(operation, nobody)).toContain(isAsked ? 'unauthenticated' : 'let in')
    for (const who of [user, admin]) expect(await verdicts(operation, who)).toEqual(['let in'])
    if (!isAsked) expect(await verdicts(operation, garbage)).toEqual(['let in'])
  })
})

describe.each(named(operations.filter(({ name }) => name.startsWith('GET '))))('%s', (name, operation) => {
  test('as HEAD answers as GET does, without a body', async () => {
    for (const who of [nobody, user, admin]) {
      const visitor = await who()
      const [get, head] = [
        await visit(operation, visitor, 'none'),
        await visit({ ...operation, name: name.replace('GET', 'HEAD') }, visitor, 'none'),
      ]
      expect([head.status, head.text]).toEqual([get.status, ''])
    }
  })
})
