import { requireUser, type UserActor } from '../../core/actor'
import { normaliseEmail } from '../../core/email'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import type { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import { applyChanges } from './apply-changes'
import { hashNewPassword } from './credential-rules'
import * as repo from './repo'
import type { ChangePassword } from './schema'
import type { UserRow } from './table'

/** Sets a new password, revokes every session and opens a new one. Throws `wrong_password`, `weak_password`. */
export async function changePassword(
  deps: Deps,
  actor: UserActor,
  input: ChangePassword,
): Promise<TokenPair> {
  const checked = await reauthenticate(deps, actor, input.current_password)
  const { id, emailNormalised } = checked
  const password = input.new_password
  const passwordHash = await hashNewPassword(deps, { password, emailNormalised, pointer: '/new_password' })
  return withTransaction(deps, async (deps) => {
    const before = await repo.lockById(deps.db, id)
    // The password changed after it was checked.
    if (before?.passwordHash !== checked.passwordHash) throw fail('wrong_password')
    await applyChanges(deps, actor, { before, changes: { passwordHash } })
    const device = await sessions.deviceOf(deps, actor)
    const opened = await sessions.open(deps, actor, { user: { id, passwordHash }, device })
    // The account was deactivated meanwhile. The error rolls the new password back.
    if (!opened) throw fail('invalid_token')
    return opened.pair
  })
}

/** `userId` is the account with the address. `user` is `null` unless it is active and the password was right. */
export type CheckedPassword = { userId: string | null; user: sessions.VerifiedUser | null }

/** Checks the password of the active user with an e-mail address. Throws `overloaded`. */
export async function checkPassword(deps: Deps, email: string, password: string): Promise<CheckedPassword> {
  const emailNormalised = normaliseEmail(email)
  const row = emailNormalised ? await repo.byEmail(deps.db, emailNormalised) : null
  // An unknown address takes as long as a wrong password, so the time does not tell who has an account.
  const isMatch = await isPasswordOf(deps, row, password)
  if (!row?.isActive || !isMatch) return { userId: row?.id ?? null, user: null }
  if (!deps.passwords.isOutdated(row.passwordHash)) return { userId: row.id, user: row }
  const user = await upgradeHash(deps, row, password)
  // Another login upgraded the hash first, or the password changed. The new hash decides.
  return user ? { userId: row.id, user } : checkPassword(deps, email, password)
}

/** Checks the actor's current password and returns the row. Throws `wrong_password`, `rate_limited`, `overloaded`. */
export async function reauthenticate(
  deps: Deps,
  actor: UserActor,
  currentPassword: string,
): Promise<UserRow> {
  const { userId } = requireUser(actor)
  await deps.limits.use('password', userId)
  const user = await repo.byId(deps.db, userId)
  if (!user) throw fail('invalid_token')
  if (!(await isPasswordOf(deps, user, currentPassword))) throw fail('wrong_password')
  return user
}

/** Compares a password with that of a user. A missing user and an unreadable hash take the same time. */
async function isPasswordOf(deps: Deps, user: UserRow | null, password: string): Promise<boolean> {
  const isMatch = await deps.passwords.verify(password, user?.passwordHash ?? null)
  // The user cannot sign in until an operator sets a password.
  if (isMatch === null) deps.log.warn({ userId: user?.id }, 'password.unsupported_hash')
  return isMatch ?? false
}

/** Replaces a hash that another system made or that has another cost. Returns `null` when it changed meanwhile. */
async function upgradeHash(deps: Deps, { id, passwordHash: from }: UserRow, password: string) {
  const passwordHash = await deps.passwords.hash(password)
  const upgrade = { id, from, to: passwordHash, now: deps.clock.now() }
  return (await repo.upgradeHash(deps.db, upgrade)) ? { id, passwordHash } : null
}
