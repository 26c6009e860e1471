import { requireOwnerOrAdmin, requireUser, type SystemActor, type UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import { type Page, pageOf, pageRequest } from '../../core/pagination'
import type { Deps } from '../../deps'
import type { PageQuery } from '../../http/pagination-schemas'
import { withTransaction } from '../../postgres/transaction'
import * as repo from './repo'
import type { Session } from './schema'
import { revoke, revokeAll } from './service'
import type { SessionRow } from './table'

/** The actor's own live sessions, newest first. Throws `validation_failed` for a cursor of another list. */
export const list = (deps: Deps, actor: UserActor, query: PageQuery): Promise<Page<Session>> =>
  listLive(deps, { userId: requireUser(actor).userId, currentId: actor.sessionId }, query)

/** Revokes one of the actor's own sessions. Throws `not_found` when it is another user's or has ended. */
export async function revokeOwn(deps: Deps, actor: UserActor, sessionId: string): Promise<void> {
  const wasLive = await revoke(deps, actor, { sessionId, reason: 'ended_by_owner' })
  if (!wasLive) throw fail('not_found')
}

/** The live sessions of a user, for that user and admins. Throws `forbidden`, `not_found`, `validation_failed`. */
export async function listOf(
  deps: Deps,
  actor: UserActor,
  { userId, ...query }: PageQuery & { userId: string },
): Promise<Page<Session>> {
  requireOwnerOrAdmin(actor, userId)
  if (!(await repo.userExists(deps.db, userId))) throw fail('not_found')
  return listLive(deps, { userId, currentId: actor.sessionId }, query)
}

/** Revokes every session of a user, for that user and admins. Throws `forbidden`, `not_found`. */
export const revokeAllOf = (deps: Deps, actor: UserActor | SystemActor, userId: string): Promise<void> =>
  withTransaction(deps, async (deps) => {
    requireOwnerOrAdmin(actor, userId)
    // A mistyped id must not look like a success.
    if (!(await repo.lockUser(deps.db, userId))) throw fail('not_found')
    const isOwner = actor.kind === 'user' && actor.userId === userId
    await revokeAll(deps, actor, { userId, reason: isOwner ? 'ended_by_owner' : 'ended_by_admin' })
  })

async function listLive(
  deps: Deps,
  { userId, currentId }: { userId: string; currentId: string },
  query: PageQuery,
): Promise<Page<Session>> {
  const page = pageRequest(query)
  const rows = await repo.listLive(deps.db, { userId, now: deps.clock.now(), ...page })
  return pageOf(rows, page.limit, (row) => present(row, currentId))
}

const present = (row: SessionRow, currentId: string): Session => ({
  id: row.id,
  device_name: row.deviceName,
  user_agent: row.userAgent,
  ip: row.ip,
  created_at: row.createdAt.toISOString(),
  last_used_at: row.lastUsedAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
  is_current: row.id === currentId,
})
