import { requireUser, type UserActor } from '../../core/actor'
import { normaliseEmail } from '../../core/email'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import type { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import { applyChanges } from './apply-changes'
import { hashNew } from './credential-rules'
import * as repo from './repo'
import type { ChangePassword } from './schema'
import type { UserRow } from './table'

/** Sets a new password and ends every session; the pair belongs to a fresh one. Throws `wrong_password`, `weak_password`. */
export async function changePassword(
  deps: Deps,
  actor: UserActor,
  input: ChangePassword,
): Promise<TokenPair> {
  const checked = await reauthenticate(deps, actor, input.current_password)
  const { id, emailNormalised } = checked
  const password = input.new_password
  const passwordHash = await hashNew(deps, { password, emailNormalised, pointer: '/new_password' })
  return withTransaction(deps, async (deps) => {
    const before = await repo.lockById(deps.db, id)
    // Another change came first: the password is not the one that was checked.
    if (before?.passwordHash !== checked.passwordHash) throw fail('wrong_password')
    await applyChanges(deps, actor, { before, changes: { passwordHash } })
    const device = await sessions.deviceOf(deps, actor)
    const opened = await sessions.open(deps, actor, { user: { id, passwordHash }, device })
    // Deactivated meanwhile: the password is not to change either.
    if (!opened) throw fail('invalid_token')
    return opened.pair
  })
}

/** Which account a password check was about, and its user when the password was right. */
export type CheckedPassword = { userId: string | null; user: sessions.VerifiedUser | null }

/** The active user with this e-mail and password. Throws `overloaded`. */
export async function checkPassword(deps: Deps, email: string, password: string): Promise<CheckedPassword> {
  const emailNormalised = normaliseEmail(email)
  const row = emailNormalised ? await repo.byEmail(deps.db, emailNormalised) : null
  // No account costs the same time as a wrong password, so the answer does not tell who has one.
  const isMatch = await isPasswordOf(deps, row, password)
  if (!row?.isActive || !isMatch) return { userId: row?.id ?? null, user: null }
  if (!deps.passwords.isOutdated(row.passwordHash)) return { userId: row.id, user: row }
  const user = await upgradeHash(deps, row, password)
  // Another login upgraded it first, or it was changed: what stands there now decides.
  return user ? { userId: row.id, user } : checkPassword(deps, email, password)
}

/** The actor's row, once the current password was right. Throws `wrong_password`, `rate_limited`, `overloaded`. */
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

/** Whether this is the password of the user; without one, and for a hash that cannot be read, it takes as long. */
async function isPasswordOf(deps: Deps, user: UserRow | null, password: string): Promise<boolean> {
  const isMatch = await deps.passwords.verify(password, user?.passwordHash ?? null)
  // Nobody signs in to such an account before an operator has set a password.
  if (isMatch === null) deps.log.warn({ userId: user?.id }, 'password.unsupported_hash')
  return isMatch ?? false
}

/** A hash from another system or of another cost is replaced while the password is at hand; `null` if it has changed. */
async function upgradeHash(deps: Deps, { id, passwordHash: from }: UserRow, password: string) {
  const passwordHash = await deps.passwords.hash(password)
  const upgrade = { id, from, to: passwordHash, now: deps.clock.now() }
  return (await repo.upgradeHash(deps.db, upgrade)) ? { id, passwordHash } : null
}
