import { Elysia } from 'elysia'
import type { Deps } from '../../deps'
import { ById, PageQuery } from '../../http/pagination-schemas'
import { noContent } from '../../http/responses'
import { EmptyQuery, failures, NoContent } from '../../http/schemas'
import { guard } from '../auth/guard'
import * as devices from './manage-sessions'
import { SessionPage } from './schema'

export const sessionsRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/users', tags: ['sessions'] })
    .use(guard(deps))
    .get('/me/sessions', ({ actor, query }) => devices.list(deps, actor, query), {
      auth: true,
      query: PageQuery,
      response: { 200: SessionPage, ...failures() },
      detail: {
        operationId: 'listMySessions',
        summary: 'List your sessions',
        description: 'Sessions that have not ended, newest first. Each login opens one.',
      },
    })
    .delete('/me/sessions/:id', ({ actor, params }) => noContent(devices.revokeOwn(deps, actor, params.id)), {
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
    })
    .get(
      '/:id/sessions',
      ({ actor, params, query }) => devices.listOf(deps, actor, { userId: params.id, ...query }),
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
    .delete('/:id/sessions', ({ actor, params }) => noContent(devices.revokeAllOf(deps, actor, params.id)), {
      auth: { ownerOr: 'admin' },
      params: ById,
      query: EmptyQuery,
      response: { 204: NoContent, ...failures('not_found') },
      detail: {
        operationId: 'endSessions',
        summary: 'End every session of an account',
        description: 'For the owner and for admins. All tokens of the account are invalid at once.',
      },
    })
