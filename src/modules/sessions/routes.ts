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
        summary: 'Where you are signed in',
        description: 'Sessions that have not ended, newest first. Each sign-in is one.',
      },
    })
    .delete('/me/sessions/:id', ({ actor, params }) => noContent(devices.revokeOwn(deps, actor, params.id)), {
      auth: true,
      params: ById,
      query: EmptyQuery,
      response: { 204: NoContent, ...failures('not_found') },
      detail: {
        operationId: 'endMySession',
        summary: 'Sign out one of your devices',
        description: 'Its tokens are void at once. Somebody else’s session is answered like none at all.',
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
          summary: 'Where an account is signed in',
          description: 'As an account sees its own, for its owner and for admins.',
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
        summary: 'Sign an account out everywhere',
        description: 'All its tokens are void at once.',
      },
    })
