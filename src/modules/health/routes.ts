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
        summary: 'The process answers',
        description:
          'For restarts: it never touches the database, so a database that is down restarts nothing.',
      },
    })
    .get('/readyz', ({ set }) => healthResponse(set, readiness(parts)), {
      limit: 'none',
      query: EmptyQuery,
      response: { ...failures(), 200: Readiness, 503: Readiness },
      detail: {
        operationId: 'readyz',
        summary: 'The service can do its work',
        description:
          'For load balancers: 200 while the database answers, migrations are applied and it is not draining. It may be ' +
          'asked as often as one likes: it takes no connection from requests.',
      },
    })
