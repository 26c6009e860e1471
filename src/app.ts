import { Elysia } from 'elysia'
import type { OnResponse } from './core/response-info'
import type { Runtime } from './deps'
import { allowedMethods, staticPathsFirst } from './http/allowed-methods'
import { bodyParser } from './http/body'
import { cors } from './http/cors'
import { registerDateTimeFormat } from './http/date-time-format'
import { draining } from './http/draining'
import { errorHandler } from './http/problem'
import { rateLimits } from './http/rate-limit'
import { requestContext } from './http/request-context'
import { createRouteRegistry } from './http/route-options'
import { tracedRequests } from './http/traced-requests'
import { auditRoutes } from './modules/audit/routes'
import { authRoutes } from './modules/auth/routes'
import { healthRoutes } from './modules/health/routes'
import { channelsRoutes, socketDocs, socketRoutes, webSocketOptions } from './modules/realtime/routes'
import { sessionsRoutes } from './modules/sessions/routes'
import { meRoutes, usersRoutes } from './modules/users/routes'
import { docs } from './openapi/docs-routes'

// Limits the time for a request to arrive, and pauses in reading a response. Bun's timer is off by up to 2 s.
const idleTimeoutSeconds = 10

// Load balancers request them several times a second.
const probes = ['/livez', '/readyz']

// The sections of /docs, in their order. The keys are the tags of routes.
const sections = {
  auth: 'Sign up, sign in, stay signed in, sign out.',
  users: 'Accounts: your own and, for admins, everyone’s.',
  sessions: 'Where an account is signed in, and signing it out there.',
  audit: 'What happened to accounts and sessions.',
  realtime:
    'WebSockets, channels, who is there and what was said: [the protocol](/docs/websocket), [a console](/docs/websocket/console).',
  health: 'Whether the service runs and whether it can work.',
}

export type AppParts = Pick<Runtime, 'deps' | 'database' | 'hub' | 'lifecycle' | 'tracing'> & {
  /** Called for every response; empty without metrics and traces. */
  onResponse: readonly OnResponse[]
}

/** The HTTP service. It does not listen yet. */
export function createApp({ deps, database, hub, lifecycle, tracing, onResponse }: AppParts) {
  const { config, events, limits, log } = deps
  registerDateTimeFormat()
  const app = new Elysia({
    // Unknown fields are rejected, not removed.
    normalize: false,
    // See docs/workarounds.md#elysia-short-host.
    handler: { standardHostname: false },
    websocket: webSocketOptions,
    serve: {
      reusePort: false,
      idleTimeout: idleTimeoutSeconds,
      development: false,
      // `bodyParser` limits the size instead. See docs/workarounds.md#elysia-body-parser.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    },
  })
  const routes = createRouteRegistry(() => app.routes)
  return app
    .use(requestContext({ ...config, lifecycle, log, onResponse, probes, server: () => app.server }))
    .use(tracedRequests(tracing))
    .use(draining(lifecycle, probes))
    .use(errorHandler({ log, events, routes, allowedMethods: (path) => allowedMethods(app.routes, path) }))
    .use(cors(config.corsOrigins))
    .use(rateLimits({ limits, events, routes }))
    .use(bodyParser(routes))
    .use(staticPathsFirst(() => app.routes))
    .use(docs({ config, sections, routes: () => app.routes }))
    .use(socketDocs(deps))
    .use(healthRoutes({ database, lifecycle }))
    .group('/api/v1', (api) =>
      api
        .use(authRoutes(deps))
        .use(meRoutes(deps))
        .use(sessionsRoutes(deps))
        .use(usersRoutes(deps))
        .use(auditRoutes(deps))
        .use(socketRoutes({ deps, hub, lifecycle }))
        .use(channelsRoutes(deps)),
    )
}
