import { and, desc, eq, lt, or } from 'drizzle-orm'
import { type Db, deleteBatch } from '../../postgres/rows'
import type { AuditType } from './schema'
import { type AuditEventRow, auditEvents } from './table'

export async function insert(db: Db, event: AuditEventRow) {
  await db.insert(auditEvents).values(event)
}

type Filter = {
  userId?: string | undefined
  type?: AuditType | undefined
  before: string | null
  limit: number
}

/** Newest first, up to `limit + 1` rows: the last one tells that there is another page. */
export function list(db: Db, { userId, type, before, limit }: Filter): Promise<AuditEventRow[]> {
  return db
    .select()
    .from(auditEvents)
    .where(
      and(
        before === null ? undefined : lt(auditEvents.id, before),
        type === undefined ? undefined : eq(auditEvents.type, type),
        userId === undefined
          ? undefined
          : or(eq(auditEvents.actorId, userId), eq(auditEvents.targetId, userId)),
      ),
    )
    .orderBy(desc(auditEvents.id))
    .limit(limit + 1)
}

/** Deletes up to `limit` events older than the id. Returns their number. */
export const deleteBefore = (db: Db, id: string, limit: number): Promise<number> =>
  deleteBatch(db, auditEvents, { key: auditEvents.id, column: auditEvents.id, before: id, limit })
