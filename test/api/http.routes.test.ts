import { describe, expect, test } from 'bun:test'
import { useService } from '../support/service'

const service = useService()

describe('path that is not there', () => {
  test.each([
    '/nowhere',
    '/api',
    '/api/v1',
    '/api/v2/auth/login',
    '/API/V1/users/me',
    '/livez//',
    '/livez/x',
    '/livez%00',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/api/v1/users%2Fme',
    '/%E0%A4%A',
    '/%',
    '/api/v1/auth/login;x=1',
    '/.env',
    `/${'x'.repeat(8000)}`,
  ])('%s is a 404 problem that repeats nothing', async (path) => {
    for (const method of ['GET', 'POST']) {
      const { status, body } = await service.call(`${method} ${path}`)
      expect(status).toBe(404)
      expect(body).toEqual({
        type: '/docs/errors#not_found',
        title: 'Not found',
        status: 404,
        code: 'not_found',
        request_id: expect.any(String),
      })
    }
  })
})

describe('method that a path does not take', () => {
  test.each([
    ['DELETE /livez', 'GET, HEAD'],
    ['POST /readyz', 'GET, HEAD'],
    ['GET /api/v1/auth/login', 'POST'],
    ['GET /api/v1/auth/login/', 'POST'],
    ['HEAD /api/v1/auth/refresh', 'POST'],
    ['PUT /api/v1/auth/register', 'POST'],
    ['OPTIONS /api/v1/auth/logout', 'POST'],
    ['PROPFIND /livez', 'GET, HEAD'],
    // Each has a name where another path has an id.
    ['POST /api/v1/users/me', 'GET, HEAD, PATCH, DELETE'],
    ['PUT /api/v1/users/me/sessions', 'GET, HEAD'],
    ['DELETE /api/v1/users/me/sessions', 'GET, HEAD'],
    ['DELETE /api/v1/users/me/sessions/', 'GET, HEAD'],
    ['DELETE /api/v1/users/me/sessions?a=b', 'GET, HEAD'],
    ['PUT /api/v1/users/x/sessions', 'GET, HEAD, DELETE'],
  ])('%s is a 405 that allows %s', async (route, allow) => {
    const [method = '', path = ''] = route.split(' ')
    const answer = await fetch(service.url + path, { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, allow])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
  })

  test.each(['X-HTTP-Method-Override', 'X-Method-Override'])(
    '%s does not change the method',
    async (name) => {
      const { status } = await service.call('POST /livez', { body: {}, headers: { [name]: 'GET' } })
      expect(status).toBe(405)
    },
  )
})

describe('HEAD', () => {
  const head = (path: string, headers = {}) => fetch(service.url + path, { method: 'HEAD', headers })

  test.each(['/livez', '/readyz', '/nowhere', '/api/v1/users/me', '/livez?unknown=1'])(
    'of %s answers like GET, without a body',
    async (path) => {
      const [short, long] = [await head(path), await fetch(service.url + path)]
      expect([short.status, await short.text()]).toEqual([long.status, ''])
      const names = (answer: Response) =>
        [...answer.headers.keys()].filter((name) => !/^(content-length|transfer-encoding|date)$/.test(name))
      expect(names(short).toSorted()).toEqual(names(long).toSorted())
    },
  )

  test('of a guarded route asks for the token too', async () => {
    const { access_token } = await service.enter()
    expect((await head('/api/v1/users/me')).status).toBe(401)
    expect((await head('/api/v1/users/me', { authorization: `Bearer ${access_token}` })).status).toBe(200)
  })
})

describe('query', () => {
  test.each([
    ['GET /livez?a=1', '/a'],
    ['GET /readyz?database=ok', '/database'],
    ['POST /api/v1/auth/login?email=a%40b.co', '/email'],
    ['POST /api/v1/auth/login?__proto__=1', '/__proto__'],
  ])('%s has a parameter that is not known: 422', async (route, pointer) => {
    const body = route.startsWith('POST') ? '{"email":"a@b.co","password":"kq3vzw9x"}' : undefined
    const answer = await service.call(route, { body })
    expect([answer.status, answer.body.errors[0].pointer]).toEqual([422, pointer])
    expect(answer.text).not.toMatch(/%40|@b\.co/)
  })

  test('no token comes before a bad query: 401', async () => {
    expect((await service.call('GET /api/v1/users/me?unknown=1')).status).toBe(401)
    const { access_token } = await service.enter()
    expect((await service.call('GET /api/v1/users/me?unknown=1', { token: access_token })).status).toBe(422)
  })
})
