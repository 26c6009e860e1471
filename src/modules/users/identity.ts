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
  if (!(await deps.passwords.verify(currentPassword, user.passwordHash))) throw fail('wrong_password')
  return user
}
