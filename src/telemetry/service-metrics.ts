import type { Runtime } from '../deps'
import type { Counters } from './counters'
import type { MetricDefinition } from './register-metrics'

/** The metrics of the service that can be read at any moment. */
export const serviceMetrics = (runtime: Runtime, counts: Counters): MetricDefinition[] => [
  ...accountMetrics(counts),
  ...databaseMetrics(runtime),
  ...realtimeMetrics(runtime),
  {
    name: 'fastkit_errors_total',
    help: 'Requests that failed, by error code.',
    label: 'code',
    readAll: () => counts.failures,
  },
  {
    name: 'fastkit_rate_limit_refusals_total',
    help: 'Requests refused by a limit, by limit.',
    label: 'policy',
    readAll: () => counts.refusals,
  },
  {
    name: 'fastkit_password_hashes_running',
    help: 'Password hashes being computed.',
    read: () => runtime.deps.passwords.load.running,
  },
  {
    name: 'fastkit_password_hashes_waiting',
    help: 'Password hashes that wait for a core.',
    read: () => runtime.deps.passwords.load.waiting,
  },
  {
    name: 'fastkit_liveness_lookups_total',
    help: 'Lookups of the state of a session: remembered (hit), or asked of the database (miss).',
    label: 'result',
    readAll: () => [
      ['hit', runtime.deps.liveness.lookups.hits],
      ['miss', runtime.deps.liveness.lookups.misses],
    ],
  },
  {
    name: 'fastkit_draining',
    help: '1 while the service is shutting down.',
    read: () => Number(runtime.lifecycle.isDraining),
  },
]

const accountMetrics = ({ signIns, refreshes, revocations }: Counters): MetricDefinition[] => [
  {
    name: 'fastkit_sign_ins_total',
    help: 'Sign-ins by result; limited ones were refused before the password was looked at.',
    label: 'result',
    readAll: () => signIns,
  },
  {
    name: 'fastkit_refreshes_total',
    help: 'Refresh tokens presented, by result: repeated got the same successor, reused ended the session.',
    label: 'result',
    readAll: () => refreshes,
  },
  {
    name: 'fastkit_sessions_revoked_total',
    help: 'Sessions ended by this instance, by reason.',
    label: 'reason',
    readAll: () => revocations,
  },
]

const databaseMetrics = ({ database, listener }: Runtime): MetricDefinition[] => [
  {
    name: 'fastkit_database_up',
    help: '1 when the database answers within a second.',
    read: async () => Number(await database.ping()),
  },
  {
    name: 'fastkit_database_listener_up',
    help: '1 while changes made by other instances are heard of.',
    read: () => Number(listener.isLive),
  },
  {
    name: 'fastkit_database_pool_size',
    help: 'Connections that queries and transactions may use.',
    read: () => database.poolSize,
  },
  {
    name: 'fastkit_database_pool_in_use',
    help: 'Queries and transactions under way.',
    read: () => database.load.running,
  },
  {
    name: 'fastkit_database_pool_waiting',
    help: 'Queries and transactions that wait for a connection.',
    read: () => database.load.waiting,
  },
]

const realtimeMetrics = ({ hub }: Runtime): MetricDefinition[] => [
  {
    name: 'fastkit_websocket_connections',
    help: 'Open sockets.',
    read: () => hub.connections.size,
  },
  {
    name: 'fastkit_websocket_users',
    help: 'Users with an open socket on this instance.',
    read: () => hub.byUser.size,
  },
  {
    name: 'fastkit_websocket_channels',
    help: 'Channels that sockets of this instance listen to.',
    read: () => hub.channels.size,
  },
  {
    name: 'fastkit_websocket_messages_received_total',
    help: 'Frames that clients sent.',
    read: () => hub.traffic.received,
  },
  {
    name: 'fastkit_websocket_messages_sent_total',
    help: 'Frames that were sent to clients.',
    read: () => hub.traffic.sent,
  },
  {
    name: 'fastkit_websocket_closes_total',
    help: 'Sockets that closed, by close code.',
    label: 'code',
    readAll: () => hub.traffic.closes,
  },
]
