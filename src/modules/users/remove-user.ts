import type { SystemActor, UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { announce } from '../../postgres/announce'
import { withTransaction } from '../../postgres/transaction'
import * as audit from '../audit/service'
import * as sessions from '../sessions/service'
import { assertAdminRemains, lockAdmins } from './last-admin'
import * as repo from './repo'

/** Deletes a user with all sessions, for that user and admins. Throws `not_found`, `last_admin`, `forbidden`. */
export const removeUser = (deps: Deps, actor: UserActor | SystemActor, id: string): Promise<void> =>
  withTransaction(deps, async (deps) => {
    const admins = await lockAdmins(deps, actor, id)
    const before = await repo.lockById(deps.db, id)
    if (!before) throw fail('not_found')
    assertAdminRemains(admins, before, null)
    await sessions.revokeAll(deps, actor, { userId: id, reason: 'user_deleted' })
    await repo.remove(deps.db, id)
    await audit.record(deps, actor, { type: 'user.deleted', targetId: id, details: { role: before.role } })
    await announce(deps, { type: 'user.changed', userId: id })
  })
