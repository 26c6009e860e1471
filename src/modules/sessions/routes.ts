import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { ById, PageQuery } from '../../http/pagination-schemas'
import { onBehalf } from '../../http/request-context'
import { noContent } from '../../http/responses'
import { EmptyQuery, failures, NoContent } from '../../http/schemas'
import { guard } from '../auth/guard'
import * as devices from './manage-sessions'
import { SessionPage } from './schema'

export const sessionsRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/users', tags: ['sessions'] })
    .use(guard(deps))
    .get('/me/sessions', ({ principal, query }) => devices.list(deps, principal, query), {
      auth: true,
      query: PageQuery,
      response: { 200: SessionPage, ...failures() },
      detail: {
        operationId: 'listMySessions',
        summary: 'List your sessions',
        description: 'Sessions that have not ended, newest first. Each login opens one.',
      },
    })
    .delete(
      '/me/sessions/:id',
      ({ params, principal, request }) =>
        noContent(devices.endOwn(onBehalf(deps, request), principal, params.id)),
      {
        auth: true,
        params: ById,
        query: EmptyQuery,
        response: { 204: NoContent, ...failures('not_found') },
        detail: {
          operationId: 'endMySession',
          summary: 'End one of your sessions',
          description:
            'Its tokens are invalid at once. A session of another user gets the same 404 as one that does not exist.',
        },
      },
    )
    .get(
      '/:id/sessions',
      ({ params, principal, query }) => devices.listOf(deps, { ...principal, userId: params.id }, query),
      {
        auth: { ownerOr: 'admin' },
        params: ById,
        query: PageQuery,
        response: { 200: SessionPage, ...failures('not_found') },
        detail: {
          operationId: 'listSessions',
          summary: 'List the sessions of an account',
          description: 'For the owner and for admins.',
        },
      },
    )
    .delete(
      '/:id/sessions',
      ({ params, principal, request }) =>
        noContent(devices.endAllOf(onBehalf(deps, request), principal, params.id)),
      {
        auth: { ownerOr: 'admin' },
        params: ById,
        query: EmptyQuery,
        response: { 204: NoContent, ...failures('not_found') },
        detail: {
          operationId: 'endSessions',
          summary: 'End every session of an account',
          description: 'For the owner and for admins. All tokens of the account are invalid at once.',
        },
      },
    )
