import { requireUser, type SystemActor, type UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import type { Data } from '../../deps'
import * as repo from './repo'
import type { UserRow } from './table'

type Rights = Pick<UserRow, 'role' | 'isActive'>

/**
 * Locks the active admins until the transaction ends, and returns their ids. The guard ran before the lock, so this throws
 * `forbidden` when the actor is no longer an admin. The owner need not be one.
 */
export async function lockAdmins(
  deps: Data,
  actor: UserActor | SystemActor,
  ownerId: string | null = null,
): Promise<string[]> {
  const userId = actor.kind === 'system' ? null : requireUser(actor).userId
  const admins = await repo.lockActiveAdmins(deps.db)
  if (userId !== null && userId !== ownerId && !admins.includes(userId)) throw fail('forbidden')
  return admins
}

/** Throws `last_admin` when a change of the user would leave no active admin. `after` is `null` for a deletion. */
export function assertAdminRemains(admins: string[], user: UserRow, after: Rights | null) {
  const isAdminAfter = after?.role === 'admin' && after.isActive
  const others = admins.filter((id) => id !== user.id)
  if (admins.includes(user.id) && !isAdminAfter && others.length === 0) throw fail('last_admin')
}
