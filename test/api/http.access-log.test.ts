import { describe, expect, test } from 'bun:test'
import { type LogLine, type Service, useService } from '../support/service'

const service = useService()

/** The line of one request: written after its answer, so another request may have to pass first. */
async function lineOf(requestId: string | null, event = 'http.request'): Promise<LogLine> {
  for (let tries = 0; tries < 100; tries++) {
    const line = service.lines.find((line) => line.event === event && line['requestId'] === requestId)
    if (line) return line
    await service.call('GET /shoes')
  }
  throw new Error('the request was not logged')
}
const idOf = ({ headers }: { headers: Headers }) => headers.get('x-request-id')

describe('access log', () => {
  test('has one line a request, with these fields and no others', async () => {
    const user = await service.enter()
    const id = idOf(await service.me(user.access_token))
    expect(await lineOf(id)).toEqual({
      level: 30,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      event: 'http.request',
      requestId: id,
      method: 'GET',
      route: '/api/v1/users/me',
      status: 200,
      durationMs: expect.any(Number),
      userId: user.id,
    })
    expect(service.lines.filter(({ requestId }) => requestId === id)).toHaveLength(1)
  })

  test.each<[string, string | null, number, Parameters<Service['call']>[1]]>([
    ['GET /docs/errors/', '/docs/errors', 200, {}],
    ['GET /secret-path', null, 404, {}],
    ['DELETE /livez', null, 405, {}],
    ['GET /api/v1/users/me', '/api/v1/users/me', 401, { token: 'x' }],
    ['POST /api/v1/auth/login', '/api/v1/auth/login', 400, { body: '{' }],
    ['POST /api/v1/auth/login', '/api/v1/auth/login', 413, { body: ' '.repeat(70_000) }],
    [
      'POST /api/v1/auth/login',
      '/api/v1/auth/login',
      415,
      { body: 'x', headers: { 'content-type': 'text/plain' } },
    ],
    ['POST /api/v1/auth/login', '/api/v1/auth/login', 422, { body: '{}' }],
    ['POST /api/v1/auth/logout', '/api/v1/auth/logout', 401, {}],
  ])('names the route of %s as %s, status %d', async (...[route, pattern, status, options]) => {
    const line = await lineOf(idOf(await service.call(route, options)))
    expect(line).toMatchObject({ route: pattern, status, userId: null })
  })

  test('says nothing of query, path, headers and body', async () => {
    const mark = 'tell-tale-7f3a'
    const token = `eyJ.${mark}.x`
    await service.call(`GET /${mark}?a=${mark}`, {
      headers: { 'user-agent': mark, cookie: mark, referer: mark },
    })
    await service.call(`GET /docs/errors?${mark}=${mark}`)
    await service.call(`GET /api/v1/users/me?access_token=${mark}`, { token })
    await service.call('POST /api/v1/auth/refresh', { body: { refresh_token: token } })
    await service.call('POST /api/v1/auth/login', { body: { email: `${mark}@example.com`, password: mark } })
    await service.call('POST /api/v1/auth/login', { body: { [mark]: mark } })
    const last = await service.call('POST /api/v1/auth/register', {
      body: { email: `${mark}@example.com`, password: `${mark}-password`, display_name: mark },
    })
    await lineOf(idOf(last))
    expect(last.body.errors[0].pointer).toBe('/password')
    expect(JSON.stringify(service.lines)).not.toContain(mark)
  })

  test('has probes that are answered well at debug alone', async () => {
    for (const route of ['GET /livez', 'GET /readyz'])
      expect(await lineOf(idOf(await service.call(route)))).toMatchObject({ status: 200, level: 20 })
    expect(await lineOf(idOf(await service.call('DELETE /livez')))).toMatchObject({ status: 405, level: 30 })
  })

  test('text of a header makes no line of its own', async () => {
    const before = service.lines.length
    const id = 'forged.id_1'
    await service.call('GET /shoes', { headers: { 'x-request-id': id, 'user-agent': '{"event":"forged"}' } })
    await lineOf(id)
    expect(service.lines.slice(before).filter(({ event }) => event !== 'http.request')).toEqual([])
  })
})

describe('internal error', () => {
  test('tells the client nothing, and the log no values', async () => {
    const credentials = { email: 'tell-tale-9c1b@example.com', password: 'tell-tale-9c1b-password' }
    await service.sql`alter table users rename column password_hash to elsewhere`
    const answer = await service.call('POST /api/v1/auth/login', { body: credentials })
    const inside = await service.call('POST /api/v1/auth/register', {
      body: {
        email: 'another-9c1b@example.com',
        password: 'tell-tale-9c1b-password',
        display_name: 'tell-9c1b',
      },
    })
    await service.sql`alter table users rename column elsewhere to password_hash`

    for (const { status, body, headers } of [answer, inside]) {
      expect(status).toBe(500)
      expect(body).toEqual({
        type: '/docs/errors#internal',
        title: 'Internal error',
        status: 500,
        code: 'internal',
        request_id: headers.get('x-request-id'),
      })
    }
    const line = await lineOf(idOf(answer), 'http.internal_error')
    expect(line).toMatchObject({ level: 50, err: { stack: expect.any(Array), cause: { code: '42703' } } })
    await lineOf(idOf(inside), 'http.internal_error')
    expect(JSON.stringify(service.lines)).not.toMatch(/9c1b|select |insert |params/i)
    expect((await service.call('POST /api/v1/auth/login', { body: credentials })).status).toBe(401)
  })
})
