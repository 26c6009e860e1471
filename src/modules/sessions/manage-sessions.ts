import { fail } from '../../core/errors'
import { type Page, pageOf, pageRequest } from '../../core/pagination'
import type { Acting, Deps } from '../../deps'
import type { PageQuery } from '../../http/pagination-schemas'
import { withTransaction } from '../../postgres/transaction'
import { recordRevocations } from './record-revocations'
import * as repo from './repo'
import type { Session } from './schema'
import { endAll, type Principal } from './service'
import type { SessionRow } from './table'

/** The live sessions of a user, newest first. Throws `validation_failed` for a cursor of another list. */
export async function list(
  deps: Deps,
  { userId, sessionId }: Asked,
  query: PageQuery,
): Promise<Page<Session>> {
  const page = pageRequest(query)
  const rows = await repo.listLive(deps.db, { userId, now: deps.clock.now(), ...page })
  return pageOf(rows, page.limit, (row) => present(row, sessionId))
}

/** Ends one of the caller's own sessions. Throws `not_found` when it is not theirs or has ended. */
export const endOwn = (deps: Acting, { userId }: Principal, sessionId: string): Promise<void> =>
  withTransaction(deps, async (deps) => {
    const reason = 'ended_by_owner'
    const ended = await repo.endOwn(deps.db, { sessionId, userId }, { reason, now: deps.clock.now() })
    if (ended.length === 0) throw fail('not_found')
    await recordRevocations(deps, ended, reason)
  })

/** As `list`, of an account that may not exist. Throws `not_found` too. */
export async function listOf(deps: Deps, asked: Asked, query: PageQuery): Promise<Page<Session>> {
  if (!(await repo.hasHolder(deps.db, asked.userId))) throw fail('not_found')
  return list(deps, asked, query)
}

/** Ends every session of a user, as that user or as an admin. Throws `not_found` when there is no such user. */
export const endAllOf = (deps: Acting, principal: Principal, userId: string): Promise<void> =>
  withTransaction(deps, async (deps) => {
    // Whoever mistypes an id must not be told that it worked.
    if (!(await repo.lockHolder(deps.db, userId))) throw fail('not_found')
    await endAll(deps, userId, principal.userId === userId ? 'ended_by_owner' : 'ended_by_admin')
  })

/** Whose sessions, seen from which one. */
type Asked = { userId: string; sessionId: string }

const present = (row: SessionRow, currentId: string | null): Session => ({
  id: row.id,
  device_name: row.deviceName,
  user_agent: row.userAgent,
  ip: row.ip,
  created_at: row.createdAt.toISOString(),
  last_used_at: row.lastUsedAt.toISOString(),
  expires_at: row.expiresAt.toISOString(),
  is_current: row.id === currentId,
})
