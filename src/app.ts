import { Elysia } from 'elysia'
import type { OnResponse } from './core/response-info'
import type { Runtime } from './deps'
import { methodsOf, names } from './http/allowed-methods'
import { bodies } from './http/body'
import { cors } from './http/cors'
import { checkFormatsStrictly } from './http/date-time-format'
import { draining } from './http/draining'
import { problems } from './http/problem'
import { rateLimits } from './http/rate-limit'
import { requests } from './http/request-context'
import { indexRoutes } from './http/route-index'
import { traces } from './http/traced-requests'
import { auditRoutes } from './modules/audit/routes'
import { authRoutes } from './modules/auth/routes'
import { healthRoutes } from './modules/health/routes'
import { channelsRoutes, socketDocs, socketRoutes } from './modules/realtime/routes'
import { sessionsRoutes } from './modules/sessions/routes'
import { meRoutes, usersRoutes } from './modules/users/routes'
import { docs } from './openapi/docs-routes'

// Seconds (8 to 12, by the coarse timer) for a request to arrive whole, and for a client to go on reading its answer.
const idleTimeoutSeconds = 10

// Asked several times a second by balancers.
const probes = ['/livez', '/readyz']

// The parts of /docs in their order: what each tag of the routes is about.
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
  /** Told of every answer; empty when neither metrics nor traces are collected. */
  onResponse: readonly OnResponse[]
}

/** The whole HTTP service over its parts; it listens when told to. */
export function createApp({ deps, database, hub, lifecycle, tracing, onResponse }: AppParts) {
  const { config, events: bus, limits, log } = deps
  checkFormatsStrictly()
  const app = new Elysia({
    // Unknown fields are refused, not stripped.
    normalize: false,
    // Hosts of three characters or fewer would meet 404 on some routes.
    handler: { standardHostname: false },
    // `bodies` counts for itself, so that an oversize body gets a problem and not a bare 413.
    // The adapter reads limits here and nowhere else. Pings, the pace and what is unsent are minded in modules/realtime.
    websocket: {
      maxPayloadLength: 64 * 1024,
      backpressureLimit: 2 * 1024 * 1024,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      idleTimeout: 120,
      sendPings: false,
    },
    serve: {
      reusePort: false,
      idleTimeout: idleTimeoutSeconds,
      development: false,
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    },
  })
  const routeOf = indexRoutes(() => app.routes)
  return app
    .use(requests({ ...config, lifecycle, log, onResponse, probes, server: () => app.server }))
    .use(traces(tracing))
    .use(draining(lifecycle, probes))
    .use(problems({ log, bus, routeOf, methodsFor: (path) => methodsOf(app.routes, path) }))
    .use(cors(config.corsOrigins))
    .use(rateLimits({ limits, bus, routeOf }))
    .use(bodies(routeOf))
    .use(names(() => app.routes))
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
