import { describe, expect, test } from 'bun:test'
import { useService } from '../support/service'

const listed = 'https://app.example.com'
const service = useService({ CORS_ORIGINS: `${listed}, http://localhost:5173` })

const callFrom = (origin: string | null, route = 'GET /livez', headers = {}) =>
  service.call(route, { headers: { ...(origin !== null && { origin }), ...headers } })
const allowed = ({ headers }: { headers: Headers }) => headers.get('access-control-allow-origin')

describe('CORS', () => {
  test.each([listed, 'http://localhost:5173'])('%s, which is listed, may read', async (origin) => {
    expect(allowed(await callFrom(origin))).toBe(origin)
  })

  test.each([
    ['none', null],
    ['null', 'null'],
    ['another', 'https://evil.example'],
    ['another scheme', 'http://app.example.com'],
    ['another port', 'https://app.example.com:8443'],
    ['the default port spelt out', 'https://app.example.com:443'],
    ['upper case', 'https://APP.example.com'],
    ['a subdomain', 'https://x.app.example.com'],
    ['a longer name', 'https://app.example.com.evil.example'],
    ['a shorter name', 'https://pp.example.com'],
    ['no scheme', 'app.example.com'],
    ['a slash at the end', 'https://app.example.com/'],
    ['two', `${listed}, ${listed}`],
    ['a star', '*'],
    ['empty', ''],
  ])('origin %s may not', async (_, origin) => {
    for (const route of ['GET /livez', 'GET /nowhere', 'GET /api/v1/users/me', 'OPTIONS /livez'])
      expect(allowed(await callFrom(origin, route))).toBeNull()
  })

  test('every answer varies by origin, and none allows credentials', async () => {
    for (const origin of [null, listed, 'https://evil.example']) {
      for (const route of [
        'GET /livez',
        'GET /nowhere',
        'POST /livez',
        'GET /api/v1/users/me',
        'OPTIONS /x',
      ]) {
        const { headers } = await callFrom(origin, route)
        expect(headers.get('vary')).toContain('Origin')
        expect(headers.has('access-control-allow-credentials')).toBe(false)
      }
    }
  })

  test.each(['GET /nowhere', 'POST /livez', 'GET /api/v1/users/me', 'GET /livez?unknown=1'])(
    'a listed origin may read the refusal of %s',
    async (route) => {
      const { status, headers } = await callFrom(listed, route)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(headers.get('access-control-allow-origin')).toBe(listed)
      expect(headers.get('access-control-expose-headers')).toContain('X-Request-Id')
    },
  )

  test('a preflight is answered for any path alike, and logged', async () => {
    const asking = {
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    }
    const seen = await Promise.all(
      ['/api/v1/auth/login', '/api/v1/users/me', '/nowhere', '/'].map(async (path) => {
        const { status, text, headers } = await callFrom(listed, `OPTIONS ${path}`, asking)
        headers.delete('x-request-id')
        headers.delete('date')
        return { status, text, headers: headers.toJSON() }
      }),
    )
    expect(new Set(seen.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(seen[0]).toMatchObject({ status: 204, text: '' })
    expect(seen[0]?.headers).toMatchObject({
      'access-control-allow-origin': listed,
      'access-control-allow-methods': 'GET, POST, PATCH, DELETE',
      'access-control-allow-headers': 'Authorization, Content-Type, X-Request-Id',
      'access-control-max-age': '600',
    })
    await callFrom(null)
    expect(service.lines.filter(({ method }) => method === 'OPTIONS').length).toBeGreaterThanOrEqual(4)
  })

  test('an OPTIONS request with a body and a token is no more than a preflight', async () => {
    const { status, text } = await service.call('OPTIONS /api/v1/users/me', { token: 'x', body: { a: 1 } })
    expect([status, text]).toEqual([204, ''])
  })
})
