import { and, desc, eq, lt, or } from 'drizzle-orm'
import { type Db, isAmong } from '../../postgres/rows'
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
export async function deleteBefore(db: Db, id: string, limit: number): Promise<number> {
  const old = db
    .select({ id: auditEvents.id })
    .from(auditEvents)
    .where(lt(auditEvents.id, id))
    .orderBy(auditEvents.id)
    .limit(limit)
  const deleted = await db
    .delete(auditEvents)
    .where(isAmong(auditEvents.id, old))
    .returning({ id: auditEvents.id })
  return deleted.length
}
