import { fail } from '../../core/errors'
import type { Acting } from '../../deps'
import * as repo from './repo'
import type { UserRow } from './table'

type Rights = Pick<UserRow, 'role' | 'isActive'>

/**
 * Locks the active admins for the rest of the transaction and answers their ids. Throws `forbidden` when the caller is
 * none of them any more (the guard looked before the lock), unless the owner may do it too and is the caller.
 */
export async function lockAdmins(deps: Acting, ownerId: string | null = null): Promise<string[]> {
  const admins = await repo.lockActiveAdmins(deps.db)
  const { userId } = deps.caller
  if (userId !== null && userId !== ownerId && !admins.includes(userId)) throw fail('forbidden')
  return admins
}

/** Throws `last_admin` when a change (`null`: deletion) of the user would leave no active admin. */
export function assertAdminRemains(admins: string[], user: UserRow, after: Rights | null) {
  const isAdminAfter = after?.role === 'admin' && after.isActive
  const others = admins.filter((id) => id !== user.id)
  if (admins.includes(user.id) && !isAdminAfter && others.length === 0) throw fail('last_admin')
}
