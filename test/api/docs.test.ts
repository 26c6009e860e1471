import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { version } from '../../package.json'
import { createApp } from '../../src/app'
import { errorCodes } from '../../src/core/errors'
import { aPassword } from '../support/client'
import { type Document, lint, misfits, type Operation } from '../support/openapi'
import { createOperator } from '../support/operator'
import { type Service, useService } from '../support/service'

const operator = createOperator()
const service = useService()
let text: string
let document: Document
beforeAll(async () => {
  text = (await service.call('GET /docs/openapi.json')).text
  document = JSON.parse(text)
})
afterAll(() => operator.clear())

/** An application with other settings over the same service. */
const appWith = (settings: { hasDocs?: boolean; publicUrl?: string }) =>
  createApp({ ...service, deps: { ...service.deps, config: { ...service.deps.config, ...settings } } })

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method.toUpperCase()} ${path}`,
      operation,
    ]),
  )

const operationsWhere = (isWanted: (operation: Operation) => unknown) =>
  operations().flatMap(([name, operation]) => (isWanted(operation) ? [name] : []))

/** What the application routes to, but for the documentation itself. A WebSocket is described as the GET it begins as. */
const routes = () =>
  createApp(service)
    .routes.filter(({ path }) => path !== '/' && !/^\/docs\b/.test(path))
    .filter(({ method }) => !['HEAD', 'OPTIONS'].includes(method))

const inDocument = (path: string) => path.replace(/:(\w+)/g, '{$1}').replace(/(?<=.)\/$/, '')

describe('GET /docs/openapi.json', () => {
  test('satisfies Spectral and Redocly', async () => {
    expect(await lint(text)).toEqual([])
  })

  test('the linters have teeth', async () => {
    const broken = text
      .replace('"operationId": "login",', '')
      .replace('"email": "ada@example.com"', '"email": 1')
    const rules = (await lint(broken)).map((line) => line.split(' ').slice(0, 2).join(' '))
    expect(rules).toContain('spectral operation-operationId')
    expect(rules).toContain('redocly operation-operationId')
    expect(rules).toContain('spectral oas3-valid-media-example')
  })

  test('describes exactly the routes of the application', () => {
    const names = routes().map(({ method, path }) => {
      return `${method === 'WS' ? 'GET' : method} ${inDocument(path)}`
    })
    expect(operationsWhere(() => true).toSorted()).toEqual([...new Set(names)].toSorted())
  })

  test('says of every operation who may call it, what it is for and what it answers', () => {
    const isVague = ({ operationId, summary, description }: Operation) =>
      !operationId || !summary || !description
    const isOpenEnded = ({ responses }: Operation) =>
      !Object.keys(responses).some((status) => /^[12]/.test(status)) || !('500' in responses)
    expect(operationsWhere(({ security }) => !security)).toEqual([])
    expect(operationsWhere(isVague)).toEqual([])
    expect(operationsWhere(isOpenEnded)).toEqual([])
  })

  test('has every status that a route declares', () => {
    const missing = routes()
      .filter(({ method }) => method !== 'WS')
      .flatMap(({ method, path, hooks }) => {
        const operation = document.paths[inDocument(path)]?.[method.toLowerCase()]
        const statuses = Object.keys(hooks.response ?? {})
        return statuses
          .filter((status) => !operation?.responses[status])
          .map((status) => `${method} ${path} ${status}`)
      })
    expect(missing).toEqual([])
  })

  test('a guarded operation answers 401, one that asks a role 403', () => {
    const guarded = operations().filter(([, { security = [] }]) =>
      security.some((scheme) => scheme['bearer']),
    )
    const asksRole = ({ 'x-roles': roles = [] }: Operation) => roles.length > 0
    expect(guarded.map(([name]) => name)).toContain('GET /api/v1/users/me')
    expect(guarded.filter(([, { responses }]) => !responses['401'])).toEqual([])
    expect(guarded.filter(([, operation]) => asksRole(operation) && !operation.responses['403'])).toEqual([])
  })

  test('bodies are JSON; shared shapes have names, and no generator left its marks', () => {
    const mediaTypes = operations().flatMap(([, { requestBody }]) => Object.keys(requestBody?.content ?? {}))
    expect(mediaTypes.filter((type) => !/^application\/(json|x-www-form-urlencoded)$/.test(type))).toEqual([])
    expect(Object.keys(document.components['schemas'] ?? {})).toEqual(
      expect.arrayContaining(['Problem', 'User', 'TokenPair']),
    )
    expect(text.match(/"\$id"|"Date"|multipart|text\/plain/g)).toBeNull()
  })

  test('every body and every answer has a name, which generated clients go by', () => {
    const parts = [
      ...operations().flatMap(([, { requestBody, responses }]) => [requestBody, ...Object.values(responses)]),
      ...Object.values(document.components.responses),
    ]
    const schemas = parts.flatMap((part) =>
      part && 'content' in part ? Object.values(part.content ?? {}).map(({ schema }) => schema) : [],
    )
    expect(schemas.length).toBeGreaterThan(40)
    expect(schemas.filter((schema) => !('$ref' in schema))).toEqual([])
  })

  test('carries the version and, when it is known, the public address', async () => {
    const answer = await appWith({ publicUrl: 'https://api.example.com/' }).handle(
      new Request('http://localhost/docs/openapi.json'),
    )
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version }, servers: [{ url: '/' }] })
    expect(await answer.json()).toMatchObject({ servers: [{ url: 'https://api.example.com' }] })
  })

  test('is what `fastkit openapi` prints', async () => {
    const command = Bun.spawn([process.execPath, 'src/main.ts', 'openapi'], {
      cwd: `${import.meta.dir}/../..`,
    })
    expect(await command.stdout.text()).toBe(`${text}\n`)
    expect(await command.exited).toBe(0)
  })

  test('is printed whole to a slow reader, and one that has enough ends it', async () => {
    const place = { cwd: operator.emptyDir() }
    const whole = await operator.piped(place, ['openapi'], 'sleep 1; cat')
    expect([whole.exitCode, whole.stdout === `${text}\n`]).toEqual([0, true])
    const { exitCode, stderr } = await operator.piped(place, ['openapi'], 'head -c 10 >start')
    expect([exitCode, stderr]).toEqual([1, 'fastkit: EPIPE: broken pipe, write\n'])
  }, 60_000)
})

test('answers are as the document says', async () => {
  const user = await service.enter()
  const email = service.newEmail()
  const register = 'POST /api/v1/auth/register'
  const login = 'POST /api/v1/auth/login'
  const me = 'GET /api/v1/users/me'
  const calls: [string, number, Parameters<Service['call']>[1]][] = [
    [register, 201, { body: { email, password: aPassword } }],
    [register, 409, { body: { email: user.email, password: aPassword } }],
    [register, 422, { body: { email: 'nobody', password: aPassword } }],
    [register, 422, { body: { email, password: 'password' } }],
    [register, 400, { body: '{' }],
    [register, 415, { body: '{}', headers: { 'content-type': 'text/plain' } }],
    [register, 413, { body: ' '.repeat(70_000) }],
    [login, 200, { body: { email: user.email, password: aPassword } }],
    [login, 401, { body: { email: user.email, password: 'another password' } }],
    ['POST /api/v1/auth/refresh', 401, { body: { refresh_token: 'none' } }],
    [me, 200, { token: user.access_token }],
    [me, 401, {}],
    [me, 401, { token: 'none' }],
    ['POST /api/v1/auth/logout', 204, { token: user.access_token }],
    ['GET /livez', 200, {}],
    ['GET /readyz', 200, {}],
  ]
  for (const [operation, status, options] of calls) {
    const answer = await service.call(operation, options)
    expect({ operation, status: answer.status, misfits: misfits(document, operation, answer) }).toEqual({
      operation,
      status,
      misfits: [],
    })
  }
})

describe('GET /docs', () => {
  test.each([
    'GET /docs',
    'GET /docs/',
    'GET /docs?url=https://elsewhere.example/openapi.json',
    'HEAD /docs',
  ])('%s is a page that runs nothing but files of this service', async (route) => {
    const { status, headers } = await service.call(route)
    const policy = headers.get('content-security-policy') ?? ''
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-cache')
    expect(policy).toBe(
      "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; style-src 'self'; " +
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    )
  })

  test('everything that the pages load is there, and from here', async () => {
    const pages = await Promise.all(['/docs', '/docs/errors'].map((path) => service.call(`GET ${path}`)))
    const loaded = pages.flatMap(({ text }) =>
      [...text.matchAll(/<(?:link|script|img)[^>]* (?:src|href)="([^"]*)"/g)].map(
        ([, address = '']) => address,
      ),
    )
    const answers = await Promise.all(loaded.map((address) => service.call(`GET ${address}`)))
    expect(loaded.length).toBeGreaterThan(6)
    expect(loaded.filter((address) => !/^\/docs\/assets\/[\w.-]+$/.test(address))).toEqual([])
    expect(answers.map(({ status }) => status)).toEqual(loaded.map(() => 200))
    expect(pages.filter(({ text }) => /<script>|<style|style=|\son\w+=|https?:\/\//.test(text))).toEqual([])
  })

  test('style sheets and our script name no other host', async () => {
    const names = ['swagger-ui.css', 'docs.css', 'errors.css', 'docs.js']
    for (const name of names) {
      const { text } = await service.call(`GET /docs/assets/${name}`)
      const addresses = [...text.matchAll(/url\(\s*["']?([^"')]{1,40})|@import[^;]*/g)].map(
        ([, address = '@']) => address,
      )
      expect(addresses.filter((address) => !address.startsWith('data:'))).toEqual([])
      expect(name.startsWith('swagger-ui') || !text.includes('://')).toBe(true)
    }
  })

  test('files are compressed on request and not sent twice', async () => {
    const address = `${service.url}/docs/assets/swagger-ui-bundle.js`
    const plain = await fetch(address, { headers: { 'accept-encoding': 'identity' } })
    const refused = await fetch(address, { headers: { 'accept-encoding': 'gzip;q=0' } })
    const packed = await fetch(address, { headers: { 'accept-encoding': 'br, gzip' } })
    expect(plain.headers.get('content-encoding')).toBeNull()
    expect(refused.headers.get('content-encoding')).toBeNull()
    expect(packed.headers.get('content-encoding')).toBe('gzip')
    expect(await packed.text()).toBe(await plain.text())

    const etag = plain.headers.get('etag') ?? ''
    const again = await fetch(address, { headers: { 'if-none-match': `"other", ${etag}` } })
    expect({ status: again.status, body: await again.text() }).toEqual({ status: 304, body: '' })
  })

  test('another file is not found', async () => {
    const { status } = await service.call('GET /docs/assets/..%2Fdocs.css')
    expect(status).toBe(404)
  })

  test('GET / leads there', async () => {
    const { status, headers } = await service.call('GET /')
    expect({ status, location: headers.get('location') }).toEqual({ status: 302, location: '/docs' })
  })
})

test('GET /docs/errors has an anchor for every code, and runs nothing', async () => {
  const { text, headers } = await service.call('GET /docs/errors')
  expect(headers.get('content-security-policy')).toStartWith("default-src 'none'; img-src 'self'; style-src")
  expect(errorCodes.filter((code) => !text.includes(`id="${code}"`))).toEqual([])
  expect(text).not.toContain('<script')
})

test.each(['/', '/docs', '/docs/', '/docs/openapi.json', '/docs/errors', '/docs/assets/docs.js'])(
  'with DOCS=off nothing is at %s',
  async (path) => {
    const answer = await appWith({ hasDocs: false }).handle(new Request(`http://localhost${path}`))
    expect(answer.status).toBe(404)
  },
)
