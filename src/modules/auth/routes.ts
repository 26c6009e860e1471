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
          description: 'The account gets the role `user`. This opens no session: use `login` next.',
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
        summary: 'Log in and open a session',
        description:
          'An unknown e-mail address, a wrong password and a deactivated account get the same response after the same time.',
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
        summary: 'Token endpoint of OAuth 2.0',
        description:
          'For tools that use RFC 6749. The grants are `password` (§4.3, the username is the e-mail address) and `refresh_token` ' +
          '(§6). They do the same as `login` and `refresh`. There are no clients, so client parameters are ignored. There are ' +
          'no scopes, so a request for one is `invalid_scope`.',
      },
    })
    .post('/refresh', ({ body, request }) => refresh(deps, asRequest(request), body.refresh_token), {
      body: Refresh,
      query: EmptyQuery,
      response: { 200: TokenPair, ...bodyFailures('invalid_refresh_token', 'refresh_token_reused') },
      detail: {
        operationId: 'refresh',
        summary: 'Exchange a refresh token for a new pair of tokens',
        description:
          'A refresh token is valid once. A repeat within seconds, after a lost response or in a second tab, gets the same ' +
          'successor. Any later use counts as theft and ends the session.',
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
          summary: 'Log out and end the session',
          description:
            'The access token, the refresh token in the body, or both identify the session. The response is 204 also if the ' +
            'session has already ended.',
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
          description: 'Ends the session of this request too.',
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
        summary: 'Change the password and end every session',
        description: 'Every session of the account ends. The response has the tokens of a new session.',
      },
    })
