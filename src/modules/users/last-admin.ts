import { requireUser, type SystemActor, type UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import type { Data } from '../../deps'
import * as repo from './repo'
import type { UserRow } from './table'

type Rights = Pick<UserRow, 'role' | 'isActive'>

/**
 * Locks the active admins for the rest of the transaction and answers their ids. Throws `forbidden` when the actor is
 * none of them any more (the guard looked before the lock), unless the owner may do it too and is the actor.
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

/** Throws `last_admin` when a change (`null`: deletion) of the user would leave no active admin. */
export function assertAdminRemains(admins: string[], user: UserRow, after: Rights | null) {
  const isAdminAfter = after?.role === 'admin' && after.isActive
  const others = admins.filter((id) => id !== user.id)
  if (admins.includes(user.id) && !isAdminAfter && others.length === 0) throw fail('last_admin')
}
