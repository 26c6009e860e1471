import { Elysia } from 'elysia'
import type { Runtime } from '../../deps'
import { limitOption } from '../../http/rate-limit'
import { healthResponse } from '../../http/responses'
import { EmptyQuery, failures } from '../../http/schemas'
import { Liveness, Readiness } from './schema'
import { readiness } from './service'

export const healthRoutes = (parts: Pick<Runtime, 'database' | 'lifecycle'>) =>
  new Elysia({ tags: ['health'] })
    .use(limitOption())
    .get('/livez', () => ({ status: 'ok' as const }), {
      limit: 'none',
      query: EmptyQuery,
      response: { ...failures(), 200: Liveness },
      detail: {
        operationId: 'livez',
        summary: 'Check that the process runs',
        description:
          'Decides about restarts. It never asks the database, so a database failure restarts nothing.',
      },
    })
    .get('/readyz', ({ set }) => healthResponse(set, readiness(parts)), {
      limit: 'none',
      query: EmptyQuery,
      response: { ...failures(), 200: Readiness, 503: Readiness },
      detail: {
        operationId: 'readyz',
        summary: 'Check that the service can work',
        description:
          'For load balancers. It is 200 while the database answers, all migrations are applied and the process is not ' +
          'shutting down. It may be called at any rate, because it uses no connection that requests need.',
      },
    })
