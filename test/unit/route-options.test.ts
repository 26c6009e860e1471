import { expect, test } from 'bun:test'
import { Elysia } from 'elysia'
import { limitOption } from '../../src/http/rate-limit'
import { createRouteRegistry, setRouteOptions } from '../../src/http/route-options'
import { oauthOption } from '../../src/http/token-endpoint'

const handler = () => 'done'
const none = { limit: null, isTokenEndpoint: false, roles: [] }

const tokens = new Elysia({ prefix: '/auth' })
  .use(limitOption())
  .use(oauthOption())
  .macro('role', (role: string) => setRouteOptions({ roles: [role] }))
  .post('/token', handler, { oauth: true, limit: 'login' })
  .get('/token', handler, { role: 'admin' })
const app = new Elysia()
  .use(limitOption())
  .get('/livez', handler, { limit: 'none' })
  .get('/mixed', handler, { limit: 'none' })
  .post('/mixed', handler)
  .group('/api/v1', (api) => api.use(tokens))
const registry = createRouteRegistry(() => app.routes)

test('options of a route are kept in groups and plugins, with those of another macro', () => {
  const path = '/api/v1/auth/token'
  expect(registry.find('POST', path)).toEqual({ ...none, isTokenEndpoint: true, limit: 'login' })
  expect(registry.find('GET', path)).toEqual({ ...none, roles: ['admin'] })
})

test('a method or path without a route has the defaults', () => {
  expect(registry.find('PUT', '/api/v1/auth/token')).toEqual(none)
  expect(registry.find('GET', '/constructor')).toEqual(none)
})

test('only a path whose routes have no limit is unlimited', () => {
  expect(['/livez', '/livez/', '/api/v1/auth/token', '/mixed'].map(registry.isUnlimited)).toEqual([
    true,
    false,
    false,
    false,
  ])
})
