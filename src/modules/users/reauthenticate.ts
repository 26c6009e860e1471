import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import * as repo from './repo'
import type { UserRow } from './table'

/**
 * The caller's row, once the current password has shown that it is them. Throws `wrong_password`,
 * `rate_limited`, `overloaded`.
 */
export async function proveIdentity(deps: Deps, userId: string, currentPassword: string): Promise<UserRow> {
  await deps.limits.use('password', userId)
  const user = await repo.byId(deps.db, userId)
  if (!user) throw fail('invalid_token')
  if (!(await isPasswordOf(deps, user, currentPassword))) throw fail('wrong_password')
  return user
}

/** Whether this is the password of the user; without one, and for a hash that cannot be read, it takes as long. */
export async function isPasswordOf(deps: Deps, user: UserRow | null, password: string): Promise<boolean> {
  const isMatch = await deps.passwords.verify(password, user?.passwordHash ?? null)
  // Nobody signs in to such an account before an operator has set a password.
  if (isMatch === null) deps.log.warn({ userId: user?.id }, 'password.unsupported_hash')
  return isMatch ?? false
}
