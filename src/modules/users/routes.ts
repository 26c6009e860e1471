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
        summary: 'Read your account',
        description: 'The response always has the current name and role.',
      },
    })
    .patch('', ({ actor, body }) => users.changeMe(deps, actor, body), {
      auth: true,
      body: ChangeMe,
      query: EmptyQuery,
      response: { 200: User, ...bodyFailures('wrong_password', 'email_taken', 'overloaded') },
      detail: {
        operationId: 'changeMe',
        summary: 'Change your name or e-mail address',
        description:
          'A new e-mail address needs `current_password`. The next login needs the new address. Sessions do not end.',
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
        description:
          'Deletes everything that belongs to the account. The last active admin cannot be deleted.',
      },
    })

/** All accounts, for admins. The owner of an account may read it here too. */
export const usersRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/users', tags: ['users'] })
    .use(guard(deps))
    .get('', ({ actor, query }) => administration.list(deps, actor, query), {
      auth: { role: 'admin' },
      query: UserQuery,
      response: { 200: UserPage, ...failures() },
      detail: {
        operationId: 'listUsers',
        summary: 'List accounts',
        description: 'Newest first. An account must match all filters.',
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
          summary: 'Create an account',
          description: 'The account can log in with the password at once, unless `is_active` is false.',
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
        summary: 'Read an account',
        description: 'For the owner and for admins. Others get 403, whether the account exists or not.',
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
          summary: 'Change an account',
          description:
            'A new password or a deactivation ends every session of the account. A new role takes effect with the next request. The last active admin cannot be demoted or deactivated. Your own `password` is 403 `forbidden`: `POST /auth/password` changes it and asks for the current one.',
        },
      },
    )
    .delete('/:id', ({ actor, params }) => noContent(administration.remove(deps, actor, params.id)), {
      auth: { role: 'admin', ownHint: administration.ownDeletionHint },
      params: ById,
      query: EmptyQuery,
      response: { 204: NoContent, ...failures('not_found', 'last_admin') },
      detail: {
        operationId: 'deleteUser',
        summary: 'Delete an account',
        description:
          'The sessions are deleted too. Your own account is 403 `forbidden`: `DELETE /users/me` deletes it and asks for the password.',
      },
    })
