import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { created, noContent } from '../../http/answers'
import { clientOf } from '../../http/request'
import { bodyFailures, NoContent, Nothing } from '../../http/shapes'
import { TokenPair } from '../sessions/schema'
import { User } from '../users/schema'
import { bearerToken } from './guard'
import { Login, Logout, Refresh, Register } from './schema'
import * as auth from './service'

export const authRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/auth', tags: ['auth'] })
    .post(
      '/register',
      async ({ body, set }) => created(set, '/api/v1/users', await auth.register(deps, body)),
      {
        body: Register,
        query: Nothing,
        response: { 201: User, ...bodyFailures('email_taken', 'weak_password', 'overloaded') },
        detail: {
          operationId: 'register',
          summary: 'Create an account',
          description: 'The account is of role `user`. It is not signed in by this: `login` comes next.',
        },
      },
    )
    .post('/login', ({ body, request }) => auth.login(deps, body, clientOf(request)), {
      body: Login,
      query: Nothing,
      response: { 200: TokenPair, ...bodyFailures('invalid_credentials', 'overloaded') },
      detail: {
        operationId: 'login',
        summary: 'Open a session',
        description:
          'An unknown address, a wrong password and a deactivated account get the same answer after the same time.',
      },
    })
    .post('/refresh', ({ body }) => auth.refresh(deps, body.refresh_token), {
      body: Refresh,
      query: Nothing,
      response: { 200: TokenPair, ...bodyFailures('invalid_refresh_token', 'refresh_token_reused') },
      detail: {
        operationId: 'refresh',
        summary: 'Exchange a refresh token for the next pair',
        description:
          'A refresh token is good for one use. A repeat within seconds, after a lost answer or from a second tab, gets ' +
          'the same successor; any later use counts as theft and ends the session.',
      },
    })
    .post('/logout', ({ body, request }) => noContent(auth.logout(deps, bearerToken(request), body)), {
      body: Logout,
      query: Nothing,
      response: {
        204: NoContent,
        ...bodyFailures('unauthenticated', 'invalid_token', 'invalid_refresh_token'),
      },
      detail: {
        operationId: 'logout',
        summary: 'End the session',
        description:
          'Names the session by the access token, by the refresh token in the body, or by both. Done, also when the ' +
          'session had ended before.',
        security: [{ bearer: [] }, {}],
      },
    })
