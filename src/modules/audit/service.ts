import { type Actor, requireAdmin, type SystemActor, type UserActor } from '../../core/actor'
import { secondsAfter } from '../../core/clock'
import { newId } from '../../core/crypto'
import { type AuditDetails, type EventAt, logEvents } from '../../core/log-events'
import { type Page, pageOf, pageRequest } from '../../core/pagination'
import type { Base, Data, Deps } from '../../deps'
import * as repo from './repo'
import type { AuditEvent, AuditQuery, AuditType } from './schema'
import type { AuditEventRow } from './table'

export type SecurityEvent = { [T in AuditType]: EventOf<T> }[AuditType]
type EventOf<T extends AuditType> = {
  type: T
  targetId?: string | null
  sessionId?: string | null
} & (object extends AuditDetails<T> ? { details?: AuditDetails<T> } : { details: AuditDetails<T> })

/** Stores a security event in the transaction of the change that it records. The event is logged after the commit. */
export async function record(
  deps: Base & Data,
  actor: Actor,
  { type, targetId = null, sessionId = null, details = {} }: SecurityEvent,
): Promise<void> {
  const actorId = actor.kind === 'user' ? actor.userId : null
  const { ip, requestId } = actor.origin
  const createdAt = deps.clock.now()
  const event = {
    id: newId(createdAt),
    type,
    actorId,
    targetId,
    sessionId,
    ip,
    requestId,
    details,
    createdAt,
  }
  await repo.insert(deps.db, event)
  deps.afterCommit(() => {
    const fields = { actorId, targetId, sessionId, ip, requestId, ...details }
    if (isWarning(type)) deps.log.warn(fields, type)
    else deps.log.info(fields, type)
    deps.events.emit({
      type: 'audit.recorded',
      event: type,
      reason: 'reason' in details ? details.reason : null,
    })
  })
}

const isWarning = (type: AuditType): type is AuditType & EventAt<'warn'> => logEvents[type].level === 'warn'

/** Audit events, newest first. Throws `forbidden`, and `validation_failed` for a cursor of another list. */
export async function list(
  deps: Deps,
  actor: UserActor | SystemActor,
  query: AuditQuery,
): Promise<Page<AuditEvent>> {
  requireAdmin(actor)
  const page = pageRequest(query)
  const rows = await repo.list(deps.db, {
    userId: query.user_id,
    type: query.type,
    ...page,
  })
  return pageOf(rows, page.limit, present)
}

const retentionDays = 400

/** Deletes up to `limit` events that are past the retention. Returns their number. */
export function sweep(deps: Deps, limit: number): Promise<number> {
  return repo.deleteBefore(deps.db, newId(secondsAfter(deps.clock.now(), -retentionDays * 86_400)), limit)
}

const present = (row: AuditEventRow): AuditEvent => ({
  id: row.id,
  type: row.type,
  actor_id: row.actorId,
  target_id: row.targetId,
  session_id: row.sessionId,
  ip: row.ip,
  request_id: row.requestId,
  details: row.details,
  created_at: row.createdAt.toISOString(),
})
