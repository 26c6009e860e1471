import { fail } from '../../core/errors'
import { passwordProblem } from '../../core/password'
import { newId } from '../../core/secret'
import { isDuplicate } from '../../db/errors'
import type { Deps } from '../../deps'
import { normaliseEmail } from './email'
import * as repo from './repo'
import type { User } from './schema'
import type { UserRow } from './table'

export type NewUser = { email: string; password: string; displayName: string | null }

/** A user whose password has just been checked against this hash. */
export type Holder = { id: string; passwordHash: string }

/** Creates an active account with role `user`. Throws `validation_failed`, `weak_password`, `email_taken`, `overloaded`. */
export async function create(deps: Deps, { email, password, displayName }: NewUser): Promise<User> {
  const emailNormalised = normaliseEmail(email)
  if (!emailNormalised)
    throw fail('validation_failed', { errors: [{ pointer: '/email', message: emailRule }] })
  const problem = passwordProblem(password, emailNormalised, deps.config.passwordMinLength)
  if (problem) throw fail('weak_password', { errors: [{ pointer: '/password', message: problem }] })

  const passwordHash = await deps.passwords.hash(password)
  const createdAt = deps.clock.now()
  const account = { id: newId(createdAt), email: email.trim(), emailNormalised, passwordHash, displayName }
  const row = await repo
    .insert(deps.db, { ...account, role: 'user', isActive: true, createdAt })
    .catch((cause) => {
      throw isDuplicate(cause, 'users_email_normalised_key') ? fail('email_taken', { cause }) : cause
    })
  deps.log.info({ userId: row.id }, 'user.created')
  return present(row)
}

/** The account behind a session. Throws `invalid_token` when it is gone. */
export async function profile(deps: Deps, userId: string): Promise<User> {
  const row = await repo.byId(deps.db, userId)
  if (!row) throw fail('invalid_token')
  return present(row)
}

/** The active user with this e-mail and password, or `null`. Throws `overloaded`. */
export async function checkPassword(deps: Deps, email: string, password: string): Promise<Holder | null> {
  const emailNormalised = normaliseEmail(email)
  const user = emailNormalised ? await repo.byEmail(deps.db, emailNormalised) : null
  // No account costs the same time as a wrong password, so the answer does not tell who has one.
  const isMatch = await deps.passwords.verify(password, user?.passwordHash ?? null)
  return user?.isActive && isMatch
    ? { id: user.id, passwordHash: await upgraded(deps, user, password) }
    : null
}

const emailRule =
  'must be an ASCII e-mail address of at most 254 characters (an international domain in its xn-- form)'

/** A hash from another system or of another cost is replaced while the password is at hand. */
async function upgraded(deps: Deps, user: UserRow, password: string): Promise<string> {
  if (!deps.passwords.isOutdated(user.passwordHash)) return user.passwordHash
  const passwordHash = await deps.passwords.hash(password)
  await repo.upgradeHash(deps.db, {
    id: user.id,
    from: user.passwordHash,
    to: passwordHash,
    now: deps.clock.now(),
  })
  return passwordHash
}

const present = (row: UserRow): User => ({
  id: row.id,
  email: row.email,
  display_name: row.displayName,
  role: row.role,
  is_active: row.isActive,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
