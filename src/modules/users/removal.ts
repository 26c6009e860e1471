import { fail } from '../../core/errors'
import { announce } from '../../db/announce'
import { atomically } from '../../db/atomically'
import type { Acting } from '../../deps'
import * as audit from '../audit/service'
import * as sessions from '../sessions/service'
import { assertAdminRemains, lockAdmins } from './admins'
import * as repo from './repo'

/** Deletes a user with all sessions. Throws `not_found`, `last_admin`, and `forbidden` when the caller may no longer. */
export const removeUser = (deps: Acting, id: string): Promise<void> =>
  atomically(deps, async (deps) => {
    const admins = await lockAdmins(deps, id)
    const before = await repo.lockById(deps.db, id)
    if (!before) throw fail('not_found')
    assertAdminRemains(admins, before, null)
    await sessions.endAll(deps, id, 'user_deleted')
    await repo.remove(deps.db, id)
    await audit.record(deps, { type: 'user.deleted', targetId: id, details: { role: before.role } })
    await announce(deps, { type: 'user.changed', userId: id })
  })
