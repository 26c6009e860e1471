import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { ById } from '../../http/pagination-schemas'
import { created, noContent } from '../../http/responses'
import { bodyFailures, EmptyQuery, failures, NoContent } from '../../http/schemas'
import { guard } from '../auth/guard'
import * as administration from './administration'
import { ChangeMe, ChangeUser, DeleteMe, NewUser, User, UserPage, UserQuery } from './schema'
import * as users from './service'

/** The account of the signed-in user. */
export const meRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/users/me', tags: ['users'] })
    .use(guard(deps))
    .get('', ({ actor }) => users.profile(deps, actor), {
      auth: true,
      query: EmptyQuery,
      response: { 200: User, ...failures() },
      detail: {
        operationId: 'getMe',
        summary: 'Your own account',
        description: 'As it is now: a changed name or role shows at once, unlike in a token.',
      },
    })
    .patch('', ({ actor, body }) => users.changeMe(deps, actor, body), {
      auth: true,
      body: ChangeMe,
      query: EmptyQuery,
      response: { 200: User, ...bodyFailures('wrong_password', 'email_taken', 'overloaded') },
      detail: {
        operationId: 'changeMe',
        summary: 'Change your name, or with your password your address',
        description:
          'The name changes freely. A new address needs `current_password` and signs in from then on; sessions stay.',
      },
    })
    .delete('', ({ actor, body }) => noContent(users.removeMe(deps, actor, body)), {
      auth: true,
      body: DeleteMe,
      query: EmptyQuery,
      response: { 204: NoContent, ...bodyFailures('wrong_password', 'last_admin', 'overloaded') },
      detail: {
        operationId: 'deleteMe',
        summary: 'Delete your account',
        description: 'Everything of the account goes with it. The last active admin has to stay.',
      },
    })

/** All accounts, for admins. The owner of an account may read and delete it here too. */
export const usersRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/users', tags: ['users'] })
    .use(guard(deps))
    .get('', ({ actor, query }) => administration.list(deps, actor, query), {
      auth: { role: 'admin' },
      query: UserQuery,
      response: { 200: UserPage, ...failures() },
      detail: {
        operationId: 'listUsers',
        summary: 'Accounts, newest first',
        description: 'A page of accounts; the filters narrow it down together.',
      },
    })
    .post(
      '',
      ({ actor, body, set }) => created(set, '/api/v1/users', administration.create(deps, actor, body)),
      {
        auth: { role: 'admin' },
        body: NewUser,
        query: EmptyQuery,
        response: { 201: User, ...bodyFailures('email_taken', 'weak_password', 'overloaded') },
        detail: {
          operationId: 'createUser',
          summary: 'Create an account for someone',
          description: 'The account can sign in with the password at once, unless it is made inactive.',
        },
      },
    )
    .get('/:id', ({ actor, params }) => administration.get(deps, actor, params.id), {
      auth: { ownerOr: 'admin' },
      params: ById,
      query: EmptyQuery,
      response: { 200: User, ...failures('not_found') },
      detail: {
        operationId: 'getUser',
        summary: 'An account',
        description: 'For its owner and for admins. Anyone else is told 403, whether it exists or not.',
      },
    })
    .patch(
      '/:id',
      ({ actor, body, params }) => administration.change(deps, actor, { id: params.id, ...body }),
      {
        auth: { role: 'admin' },
        params: ById,
        body: ChangeUser,
        query: EmptyQuery,
        response: {
          200: User,
          ...bodyFailures('not_found', 'email_taken', 'last_admin', 'weak_password', 'overloaded'),
        },
        detail: {
          operationId: 'changeUser',
          summary: 'Change an account, its role or its state',
          description:
            'A new password or deactivation ends every session of the account; a new role counts from its next request on. The last active admin stays one.',
        },
      },
    )
    .delete('/:id', ({ actor, params }) => noContent(administration.remove(deps, actor, params.id)), {
      auth: { ownerOr: 'admin' },
      params: ById,
      query: EmptyQuery,
      response: { 204: NoContent, ...failures('not_found', 'last_admin') },
      detail: {
        operationId: 'deleteUser',
        summary: 'Delete an account',
        description:
          'With all its sessions, for its owner and for admins. The last active admin has to stay.',
      },
    })
