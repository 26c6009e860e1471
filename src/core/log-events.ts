export type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** The type of each field, the same in every event. */
type FieldTypes = {
  access: readonly string[]
  actorId: string | null
  applied: readonly string[]
  available: number
  channel: string
  code: number
  commit: string | null
  connections: number
  count: number
  database: 'embedded' | 'postgres'
  delayMs: number
  docs: string | null
  durability: 'ok' | 'off' | 'not_in_force'
  durationMs: number
  err: unknown
  from: string
  heldMs: number
  ip: string | null
  limit: string
  lines: number
  lostSpans: number
  method: string
  names: readonly string[]
  poolSize: number
  problems: readonly unknown[]
  readyAfterMs: number
  reason: string
  refresh: readonly string[]
  removed: readonly string[]
  requestId: string | null
  retryAfterMs: number
  role: string
  route: string | null
  rows: number
  schema: string | null
  sessionId: string | null
  socketId: string
  status: number
  table: string
  targetId: string | null
  to: string
  url: string
  userId: string | null | undefined
  version: string
}
type Field = keyof FieldTypes
type Definition = { level: Level | readonly Level[]; fields: readonly (Field | `${Field}?`)[] }

const auditFields = ['actorId', 'targetId', 'sessionId', 'ip', 'requestId'] as const

/** Every event of the log with its levels and fields, those with `?` optional. `docs/operations.md` explains them. */
export const logEvents = {
  'service.starting': { level: 'info', fields: ['version', 'commit', 'database'] },
  'service.listening': { level: 'info', fields: ['url'] },
  'service.ready': { level: 'info', fields: ['url', 'docs', 'schema', 'durability', 'readyAfterMs'] },
  'service.stopping': { level: 'info', fields: ['delayMs'] },
  'service.stopped': { level: 'info', fields: [] },
  'service.stop_timed_out': { level: 'error', fields: [] },
  'service.failed': { level: 'fatal', fields: ['reason', 'err'] },
  'config.secret_file_world_writable': { level: 'warn', fields: ['names'] },
  'config.password_cost_below_owasp_minimum': { level: 'warn', fields: [] },
  'keys.reloaded': { level: 'info', fields: ['access', 'refresh', 'removed'] },
  'keys.reload_skipped': { level: 'info', fields: [] },
  'keys.reload_failed': { level: 'error', fields: ['problems?', 'err?'] },
  'bootstrap.admin_created': { level: 'info', fields: [] },
  'bootstrap.email_taken': { level: 'warn', fields: [] },
  'database.migrated': { level: 'info', fields: ['applied'] },
  'database.migration_blocked': { level: 'warn', fields: ['err', 'retryAfterMs'] },
  'database.unavailable': { level: 'warn', fields: ['err', 'requestId?', 'retryAfterMs?'] },
  'database.connection_refused': { level: 'warn', fields: ['connections'] },
  'database.pool_too_large': { level: 'warn', fields: ['poolSize', 'available'] },
  'database.commits_not_durable': { level: 'warn', fields: [] },
  'database.disk_low': { level: 'warn', fields: [] },
  'database.disk_recovered': { level: 'warn', fields: [] },
  'database.snapshot_taken': { level: 'info', fields: ['heldMs'] },
  'database.snapshot_failed': { level: 'warn', fields: ['err'] },
  'cleanup.deleted': { level: 'debug', fields: ['table', 'rows'] },
  'cleanup.failed': { level: 'warn', fields: ['table', 'err'] },
  'control.internal_error': { level: 'error', fields: ['err'] },
  'log.dropped': { level: 'warn', fields: ['lines'] },
  'metrics.listening': { level: 'info', fields: ['url'] },
  'tracing.export_failed': { level: 'warn', fields: ['reason'] },
  'tracing.export_resumed': { level: 'info', fields: ['lostSpans'] },
  'http.request': {
    level: ['info', 'debug'],
    fields: ['requestId', 'method', 'route', 'status', 'durationMs', 'userId'],
  },
  'http.internal_error': { level: 'error', fields: ['requestId', 'err'] },
  'password.unsupported_hash': { level: 'warn', fields: ['userId'] },
  'session.rotated': { level: 'info', fields: ['sessionId', 'userId'] },
  'session.refresh_repeated': { level: 'info', fields: ['sessionId', 'userId'] },
  'realtime.opened': { level: 'info', fields: ['socketId', 'userId', 'sessionId'] },
  'realtime.open_failed': { level: 'warn', fields: ['err', 'socketId'] },
  'realtime.closed': { level: 'info', fields: ['socketId', 'userId', 'code'] },
  'realtime.user_disconnected': { level: 'info', fields: ['actorId', 'targetId', 'count'] },
  'realtime.internal_error': { level: 'error', fields: ['err', 'socketId'] },
  'realtime.unsubscribe_failed': { level: 'warn', fields: ['err', 'socketId'] },
  'realtime.recovery_failed': { level: 'warn', fields: ['err', 'channel'] },
  'realtime.revalidation_failed': { level: 'debug', fields: ['err'] },
  'realtime.heartbeat_failed': { level: 'debug', fields: ['err'] },
  'realtime.slot_release_failed': { level: 'debug', fields: ['err'] },
  'realtime.deregistration_failed': { level: 'warn', fields: ['err'] },
  'audit.record_failed': { level: 'warn', fields: ['err', 'ip', 'requestId'] },
  'sign_in.succeeded': { level: 'info', fields: auditFields },
  'sign_in.failed': { level: 'warn', fields: auditFields },
  'sign_in.limited': { level: 'warn', fields: [...auditFields, 'limit'] },
  'refresh.reused': { level: 'warn', fields: auditFields },
  'session.revoked': { level: 'info', fields: [...auditFields, 'reason'] },
  'password.changed': { level: 'info', fields: auditFields },
  'email.changed': { level: 'info', fields: auditFields },
  'role.changed': { level: 'info', fields: [...auditFields, 'from', 'to'] },
  'user.created': { level: 'info', fields: [...auditFields, 'role'] },
  'user.activated': { level: 'info', fields: auditFields },
  'user.deactivated': { level: 'info', fields: auditFields },
  'user.deleted': { level: 'info', fields: [...auditFields, 'role'] },
  'access.forbidden': { level: 'warn', fields: [...auditFields, 'method', 'route'] },
} as const satisfies Record<string, Definition>

type LogEvent = keyof typeof logEvents
type LevelOf<E extends LogEvent> = Flat<(typeof logEvents)[E]['level']>
type Flat<T> = T extends readonly (infer Item)[] ? Item : T

/** The events that are logged at a level. */
export type EventAt<L extends Level> = { [E in LogEvent]: L extends LevelOf<E> ? E : never }[LogEvent]

/** The events that have no fields. */
export type BareEvent = { [E in LogEvent]: keyof FieldsOf<E> extends never ? E : never }[LogEvent]

/** The fields of one event; of several, those of any of them. */
export type FieldsOf<E extends LogEvent> = E extends LogEvent
  ? Typed<(typeof logEvents)[E]['fields'][number]>
  : never

type Typed<Name extends string> = {
  [N in Extract<Name, Field>]: FieldTypes[N]
} & {
  [N in Name as N extends `${infer F extends Field}?` ? F : never]?: N extends `${infer F extends Field}?`
    ? FieldTypes[F]
    : never
}

/** The fields of one audit event beside those that all of them have. */
export type AuditDetails<E extends LogEvent> = Record<
  Exclude<keyof FieldsOf<E>, (typeof auditFields)[number]>,
  string
>
