import { describe, expect, test } from 'bun:test'
import { createApp } from '../../src/app'
import { useService } from '../support/service'

// Every door that opens without an access token. A new line here is a decision: say who may come in, and why.
const open = [
  'GET /',
  'GET /api/v1/ws',
  'GET /docs',
  'GET /docs/assets/console.css',
  'GET /docs/assets/console.js',
  'GET /docs/assets/docs.css',
  'GET /docs/assets/docs.js',
  'GET /docs/assets/errors.css',
  'GET /docs/assets/favicon.png',
  'GET /docs/assets/markdown.css',
  'GET /docs/assets/page.css',
  'GET /docs/assets/swagger-ui-bundle.js',
  'GET /docs/assets/swagger-ui.css',
  'GET /docs/errors',
  'GET /docs/openapi.json',
  'GET /docs/websocket',
  'GET /docs/websocket/console',
  'GET /livez',
  'GET /readyz',
  'POST /api/v1/auth/login',
  'POST /api/v1/auth/logout',
  'POST /api/v1/auth/refresh',
  'POST /api/v1/auth/register',
  'POST /api/v1/auth/token',
]

const service = useService()

describe('routes that answer without a token', () => {
  test('are these and no others', async () => {
    const found: string[] = []
    for (const { method, path } of createApp(service).routes) {
      // The upgrade of `GET` on the same path: realtime.auth.test.ts has its doors.
      if (method === 'WS') continue
      const address = path.replaceAll(/:\w+/g, '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10')
      const { status, body } = await service.call(
        `${method} ${address}`,
        method === 'GET' ? {} : { body: '{' },
      )
      // Logout takes a refresh token in the body as well, so it reads that before it asks for a token.
      if (status !== 401 || body.code !== 'unauthenticated') found.push(`${method} ${path}`)
    }
    expect(found.toSorted()).toEqual(open)
  })
})
