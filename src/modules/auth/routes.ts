import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { bearerToken } from '../../http/bearer-token'
import { limitOption } from '../../http/rate-limit'
import { asRequest } from '../../http/request-context'
import { created, noContent } from '../../http/responses'
import { bodyFailures, EmptyQuery, failures, NoContent } from '../../http/schemas'
import { oauthFailures, oauthOption } from '../../http/token-endpoint'
import { refresh } from '../sessions/refresh'
import { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import { ChangePassword, Register, User } from '../users/schema'
import * as users from '../users/service'
import { changePassword } from '../users/user-password'
import { guard } from './guard'
import { Login, Logout, Refresh, TokenRequest } from './schema'
import { login } from './service'
import { grant } from './token-grant'

export const authRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/auth', tags: ['auth'] })
    .use(guard(deps))
    .use(limitOption())
    .use(oauthOption())
    .post(
      '/register',
      ({ body, request, set }) =>
        created(set, '/api/v1/users', users.register(deps, asRequest(request), body)),
      {
        limit: 'register',
        body: Register,
        query: EmptyQuery,
        response: { 201: User, ...bodyFailures('email_taken', 'weak_password', 'overloaded') },
        detail: {
          operationId: 'register',
          summary: 'Create an account',
          description: 'The account is of role `user`. It is not signed in by this: `login` comes next.',
        },
      },
    )
    .post('/login', ({ body, request }) => login(deps, asRequest(request), body), {
      limit: 'login',
      body: Login,
      query: EmptyQuery,
      response: { 200: TokenPair, ...bodyFailures('invalid_credentials', 'overloaded') },
      detail: {
        operationId: 'login',
        summary: 'Open a session',
        description:
          'An unknown address, a wrong password and a deactivated account get the same answer after the same time.',
      },
    })
    .post('/token', ({ body, request }) => grant(deps, asRequest(request), body), {
      oauth: true,
      limit: 'login',
      body: TokenRequest,
      query: EmptyQuery,
      response: { 200: TokenPair, ...oauthFailures() },
      detail: {
        operationId: 'token',
        summary: 'The token endpoint of OAuth 2.0',
        description:
          'For tools that sign in as RFC 6749 says, with the grants `password` (§4.3, the e-mail address is the username) ' +
          'and `refresh_token` (§6). It does what `login` and `refresh` do. There are no clients: what names one is ignored. There ' +
          'are no scopes: asking for one is `invalid_scope`.',
      },
    })
    .post('/refresh', ({ body, request }) => refresh(deps, asRequest(request), body.refresh_token), {
      body: Refresh,
      query: EmptyQuery,
      response: { 200: TokenPair, ...bodyFailures('invalid_refresh_token', 'refresh_token_reused') },
      detail: {
        operationId: 'refresh',
        summary: 'Exchange a refresh token for the next pair',
        description:
          'A refresh token is good for one use. A repeat within seconds, after a lost answer or from a second tab, gets ' +
          'the same successor; any later use counts as theft and ends the session.',
      },
    })
    .post(
      '/logout',
      ({ body, request }) =>
        noContent(sessions.logout(deps, asRequest(request), { ...body, access_token: bearerToken(request) })),
      {
        body: Logout,
        query: EmptyQuery,
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
      },
    )
    .post(
      '/logout-all',
      ({ actor }) =>
        noContent(sessions.revokeAll(deps, actor, { userId: actor.userId, reason: 'logged_out' })),
      {
        auth: true,
        query: EmptyQuery,
        response: { 204: NoContent, ...failures() },
        detail: {
          operationId: 'logoutAll',
          summary: 'End every session of the account',
          description: 'Every device is signed out, this one too.',
        },
      },
    )
    .post('/password', ({ actor, body }) => changePassword(deps, actor, body), {
      auth: true,
      body: ChangePassword,
      query: EmptyQuery,
      response: { 200: TokenPair, ...bodyFailures('wrong_password', 'weak_password', 'overloaded') },
      detail: {
        operationId: 'changePassword',
        summary: 'Set a new password and end every session',
        description: 'Every session of the account ends; the pair in the answer belongs to a fresh one.',
      },
    })
