import { afterAll, describe, expect, test } from 'bun:test'
import { version } from '../../package.json'
import { kinds, type Span, startCollector } from '../support/collector'
import { sendRaw } from '../support/raw'
import { type Service, startTestService, useService } from '../support/service'

const collector = startCollector()
const service = useService({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
  OTEL_EXPORTER_OTLP_HEADERS: 'api-key=tell%20tale, x-tenant=one',
  OTEL_SERVICE_NAME: 'fastkit under test',
})
afterAll(() => collector.stop())

const ourSpan = '00f067aa0ba902b7'

/** Sends a request within a trace of ours, and answers the span of the request and those inside, oldest first. */
async function traceOf(route: string, options: Parameters<Service['call']>[1] = {}) {
  const traceId = crypto.randomUUID().replaceAll('-', '')
  const headers = { ...options.headers, traceparent: `00-${traceId}-${ourSpan}-01` }
  const answer = await service.call(route, { ...options, headers })
  const spans = await collector.trace(traceId)
  const request = spans.find(({ kind }) => kind === kinds.server)
  if (!request) throw new Error('no span of the request')
  return { answer, traceId, request, steps: spans.filter((span) => span !== request) }
}

const namesOf = (spans: Span[]) => spans.map(({ name }) => name)
const login = async () => {
  const { email, password } = await service.register()
  return { body: { email, password } }
}

describe('a request', () => {
  test('is a span with method, route, path and status, below that of its caller', async () => {
    const { id, access_token: token } = await service.enter()
    const { request } = await traceOf(`GET /api/v1/users/${id}`, { token })
    expect(request).toMatchObject({ name: 'GET /api/v1/users/:id', parentSpanId: ourSpan, isError: false })
    expect(request.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/api/v1/users/:id',
      'http.response.status_code': 200,
      'url.path': `/api/v1/users/${id}`,
      'url.scheme': 'http',
    })
    expect(request.nanoseconds).toBeGreaterThan(0n)
  })

  test('that is refused keeps what was written for an id to itself', async () => {
    const { access_token: token } = await service.enter()
    const route = 'GET /api/v1/users/tell-tale@example.com'
    for (const options of [{}, { token }]) {
      const { answer, request } = await traceOf(route, options)
      expect(answer.status).toBeOneOf([401, 403])
      expect(request.name).toBe('GET /api/v1/users/:id')
      expect(JSON.stringify(request.attributes)).not.toContain('tell-tale')
    }
  })

  test.each(['', '['])('%p for a host is answered like any other', async (host) => {
    const traceId = crypto.randomUUID().replaceAll('-', '')
    const head = `GET /livez HTTP/1.1\r\nHost: ${host}\r\ntraceparent: 00-${traceId}-${ourSpan}-01\r\n`
    const answer = await sendRaw(service.url, `${head}Connection: close\r\n\r\n`)
    expect(answer).toStartWith('HTTP/1.1 200 ')
    expect(answer).toMatch(/^x-content-type-options: nosniff\r$/im)
    const [span] = await collector.trace(traceId)
    expect(span?.attributes).toMatchObject({ 'url.path': '/livez', 'url.scheme': 'http' })
  })

  test('is the start of a trace when its caller names none, or names it badly', async () => {
    for (const traceparent of ['', 'nonsense', `00-${'0'.repeat(32)}-${ourSpan}-01`]) {
      const before = collector.spans.length
      await service.call('GET /livez', { headers: { traceparent } })
      await service.call('GET /readyz')
      await collector.until(() => collector.spans[before + 1], 'two spans')
      const [first, second] = collector.spans.slice(before)
      expect([first?.parentSpanId, second?.parentSpanId]).toEqual([null, null])
      expect(first?.traceId).not.toBe(second?.traceId)
    }
  })

  test('to no route, and with a method of its own making, tells neither', async () => {
    const { request } = await traceOf('PROPFIND /tell-tale/path?tell=tale')
    expect(request.name).toBe('_OTHER')
    expect(request.attributes).toEqual({
      'http.request.method': '_OTHER',
      'http.response.status_code': 404,
      'url.scheme': 'http',
    })
  })

  test('that a client got wrong is no error, one that we did is', async () => {
    const { request: refused } = await traceOf('GET /api/v1/users/me')
    expect([refused.isError, refused.attributes['http.response.status_code']]).toEqual([false, 401])
    const attempt = await login()
    await service.sql`alter table users rename column password_hash to elsewhere`
    const { request, steps } = await traceOf('POST /api/v1/auth/login', attempt)
    await service.sql`alter table users rename column elsewhere to password_hash`
    expect(request).toMatchObject({ isError: true, attributes: { 'error.type': '500' } })
    // SQLSTATE: undefined column.
    expect(steps).toContainEqual(
      expect.objectContaining({
        isError: true,
        attributes: expect.objectContaining({ 'error.type': '42703' }),
      }),
    )
  })

  test('whose caller keeps no trace has none', async () => {
    const traceId = crypto.randomUUID().replaceAll('-', '')
    const { headers } = await service.call('GET /livez', {
      headers: { traceparent: `00-${traceId}-${ourSpan}-00` },
    })
    await traceOf('GET /livez')
    expect(collector.spans.filter((span) => span.traceId === traceId)).toEqual([])
    // It has its place in the log all the same.
    const line = service.lines.find(({ requestId }) => requestId === headers.get('x-request-id'))
    expect(line?.['trace_id']).toBe(traceId)
  })
})

describe('what a request waits for', () => {
  test('is a span inside: hashing, queries, and a transaction with queries of its own', async () => {
    const { request, steps } = await traceOf('POST /api/v1/auth/login', await login())
    const transaction = steps.find(({ name }) => name === 'transaction')
    const inside = steps.filter(({ parentSpanId }) => parentSpanId === transaction?.spanId)
    const beside = steps.filter(({ parentSpanId }) => parentSpanId === request.spanId)
    expect(namesOf(beside)).toEqual(
      expect.arrayContaining(['password.verify', 'SELECT users', 'transaction']),
    )
    expect(namesOf(inside)).toEqual(
      expect.arrayContaining(['INSERT sessions INSERT tokens', 'INSERT audit_events']),
    )
    expect(inside.length + beside.length).toBe(steps.length)
    expect(new Set(steps.map(({ kind }) => kind))).toEqual(new Set([kinds.client]))
    const [insert] = inside.filter(({ name }) => name === 'INSERT sessions INSERT tokens')
    expect(insert?.attributes).toEqual({
      'db.system.name': 'postgresql',
      'db.operation.name': 'INSERT',
      'db.query.summary': 'INSERT sessions INSERT tokens',
    })
  })

  test('stays with its request when many run at once', async () => {
    const attempts = await Promise.all(Array.from({ length: 10 }, login))
    const traces = await Promise.all(attempts.map((attempt) => traceOf('POST /api/v1/auth/login', attempt)))
    const shapes = traces.map(({ steps }) => namesOf(steps).toSorted().join())
    expect(new Set(shapes).size).toBe(1)
    for (const { request, steps } of traces) {
      const own = new Set([request, ...steps].map(({ spanId }) => spanId))
      expect(steps.every(({ parentSpanId }) => parentSpanId !== null && own.has(parentSpanId))).toBe(true)
    }
  })

  test('is not followed outside of requests', async () => {
    await service.database.ping()
    await service.deps.passwords.hash('nobody asked for this one')
    await traceOf('GET /livez')
    expect(
      collector.spans.filter(({ parentSpanId, kind }) => !parentSpanId && kind !== kinds.server),
    ).toEqual([])
  })
})

test('every log line of a request has its trace', async () => {
  const { traceId, answer } = await traceOf('POST /api/v1/auth/login', await login())
  const lines = service.lines.filter(({ trace_id }) => trace_id === traceId)
  expect(lines.map(({ event }) => event)).toEqual(['sign_in.succeeded', 'http.request'])
  expect(lines.map(({ requestId }) => requestId)).toContain(answer.headers.get('x-request-id'))
})

test('the collector is told who sends, with the headers it asks for', async () => {
  await traceOf('GET /livez')
  expect(collector.resource).toMatchObject({
    'service.name': 'fastkit under test',
    'service.version': version,
    'service.instance.id': expect.stringMatching(/^[0-9a-f-]{36}$/),
  })
  const [{ path, headers } = { path: '', headers: new Headers() }] = collector.requests
  expect([path, headers.get('api-key'), headers.get('x-tenant')]).toEqual(['/v1/traces', 'tell tale', 'one'])
})

test('nothing personal and no secret stands in traces', async () => {
  const mark = 'tell-tale-8d1f'
  const ada = await service.enter()
  const signIn = { email: ada.email, password: ada.password, device_name: mark }
  const headers = { 'user-agent': mark, 'x-request-id': mark, cookie: mark, tracestate: `vendor=${mark}` }
  await traceOf('POST /api/v1/auth/login', { body: signIn, headers })
  await traceOf(`GET /api/v1/users/me?token=${mark}`, { token: ada.access_token, headers })
  await traceOf('PATCH /api/v1/users/me', { token: ada.access_token, body: { display_name: mark } })
  await traceOf('POST /api/v1/auth/refresh', { body: { refresh_token: ada.refresh_token } })
  await traceOf(`GET /${mark}/${ada.access_token}`)
  const sent = collector.requests.map(({ text }) => text).join()
  const [name = ''] = ada.email.split('@')
  for (const secret of [name, '127.0.0.1', '$argon2', ...service.secrets])
    expect(sent.includes(secret)).toBe(false)
  // What the caller's own tracer says of itself is handed on.
  expect(sent.replaceAll(`vendor=${mark}`, '').includes(mark)).toBe(false)
})

describe('OTEL_TRACES_SAMPLER', () => {
  test.each([
    [{ OTEL_TRACES_SAMPLER: 'always_off' }, 0, 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, 0, 20],
    [{ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }, 0, 0],
    [{ OTEL_TRACES_SAMPLER: 'parentbased_always_off' }, 0, 20],
  ])(
    '%p keeps %d of 20 traces that begin here, %d that are kept elsewhere',
    async (variables, own, others) => {
      const beside = startCollector()
      const sampling = await startTestService({ OTEL_EXPORTER_OTLP_ENDPOINT: beside.endpoint, ...variables })
      const traceparent = () => `00-${crypto.randomUUID().replaceAll('-', '')}-${ourSpan}-01`
      for (let at = 0; at < 20; at++) {
        await sampling.call('GET /livez')
        await sampling.call('GET /readyz', { headers: { traceparent: traceparent() } })
      }
      await sampling.stop()
      const count = (name: string) => beside.spans.filter((span) => span.name === name).length
      expect([count('GET /livez'), count('GET /readyz')]).toEqual([own, others])
      await beside.stop()
    },
  )
})
