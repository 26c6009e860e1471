import { index, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { id, moment } from '../../postgres/columns'
import type { AuditType } from './schema'

/** There are no foreign keys, because an event outlives the accounts and sessions that it names. */
export const auditEvents = pgTable(
  'audit_events',
  {
    id: id(),
    type: text('type').$type<AuditType>().notNull(),
    actorId: uuid('actor_id'),
    targetId: uuid('target_id'),
    sessionId: uuid('session_id'),
    ip: text('ip'),
    requestId: text('request_id'),
    details: jsonb('details').$type<Record<string, string>>().notNull(),
    createdAt: moment('created_at').notNull(),
  },
  (table) => [
    index('audit_events_type_idx').on(table.type, table.id),
    index('audit_events_actor_id_idx').on(table.actorId, table.id),
    index('audit_events_target_id_idx').on(table.targetId, table.id),
  ],
)

export type AuditEventRow = typeof auditEvents.$inferSelect
