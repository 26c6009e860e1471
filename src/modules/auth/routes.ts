import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { clientOf } from '../../http/request'
import { failures, NoContent } from '../../http/shapes'
import { TokenPair } from '../sessions/schema'
import { User } from '../users/schema'
import { bearerToken } from './guard'
import { Login, Logout, Refresh, Register } from './schema'
import * as auth from './service'

export const authRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/auth', tags: ['auth'] })
    .post('/register', async ({ body, set }) => created(set, await auth.register(deps, body)), {
      body: Register,
      response: { 201: User, ...failures('email_taken', 'weak_password', 'overloaded') },
      detail: { operationId: 'register', summary: 'Create an account' },
    })
    .post('/login', ({ body, request }) => auth.login(deps, body, clientOf(request)), {
      body: Login,
      response: { 200: TokenPair, ...failures('invalid_credentials', 'overloaded') },
      detail: { operationId: 'login', summary: 'Open a session' },
    })
    .post('/refresh', ({ body }) => auth.refresh(deps, body.refresh_token), {
      body: Refresh,
      response: { 200: TokenPair, ...failures('invalid_refresh_token', 'refresh_token_reused') },
      detail: { operationId: 'refresh', summary: 'Exchange a refresh token for the next pair' },
    })
    .post('/logout', async ({ body, request }) => noContent(await auth.logout(deps, bearerToken(request), body)), {
      body: Logout,
      response: { 204: NoContent, ...failures('unauthenticated', 'invalid_token', 'invalid_refresh_token') },
      detail: { operationId: 'logout', summary: 'End the session', security: [{ bearer: [] }, {}] },
    })
