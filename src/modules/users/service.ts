import { normaliseEmail } from '../../core/email'
import { fail } from '../../core/errors'
import { type MaybePromise, thenSync } from '../../core/maybe-promise'
import type { Acting, Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import type { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import * as administration from './administration'
import { applyChanges, uniquely } from './apply-changes'
import { add, prepare } from './create-user'
import { addressOf, hashNew } from './credential-rules'
import { present } from './present-user'
import { isPasswordOf, proveIdentity } from './reauthenticate'
import * as repo from './repo'
import type { ChangeMe, ChangePassword, DeleteMe, NewUser, User } from './schema'
import type { UserRow } from './table'

/**
 * Creates an account. Throws `validation_failed`, `weak_password`, `email_taken`, `overloaded`, and `forbidden` when the
 * caller is no admin any more.
 */
export async function create(deps: Acting, input: NewUser): Promise<User> {
  const user = await prepare(deps, input)
  return uniquely(() => withTransaction(deps, (deps) => add(deps, user)))
}

/** The caller's own account. Throws `invalid_token` when it is gone. */
export const profile = (deps: Deps, { sessionId, userId }: sessions.Principal): MaybePromise<User> =>
  thenSync(deps.liveness.of(sessionId, userId), (state) => {
    if (!state) throw fail('invalid_token')
    return present(state.user)
  })

/** Changes the caller's name, and with the current password the address. Throws `wrong_password`, `email_taken`. */
export async function changeMe(deps: Acting, { userId }: sessions.Principal, input: ChangeMe): Promise<User> {
  const { display_name: displayName, email, current_password: currentPassword } = input
  const address = email === undefined ? null : addressOf(email)
  const proved = address && (await proveIdentity(deps, userId, required(currentPassword)))
  return uniquely(() =>
    withTransaction(deps, async (deps) => {
      const before = await repo.lockById(deps.db, userId)
      if (!before?.isActive) throw fail('invalid_token')
      // Another change came first: what was proved is the password no longer.
      if (proved && before.passwordHash !== proved.passwordHash) throw fail('wrong_password')
      return present(
        await applyChanges(deps, before, { ...address, ...(displayName !== undefined && { displayName }) }),
      )
    }),
  )
}

/** Sets a new password and ends every session; the pair belongs to a fresh one. Throws `wrong_password`, `weak_password`. */
export async function changePassword(
  deps: Acting,
  { userId, sessionId }: sessions.Principal,
  input: ChangePassword,
): Promise<TokenPair> {
  const {
    id,
    passwordHash: proved,
    emailNormalised,
  } = await proveIdentity(deps, userId, input.current_password)
  const passwordHash = await hashNew(deps, {
    password: input.new_password,
    emailNormalised,
    pointer: '/new_password',
  })
  return withTransaction(deps, async (deps) => {
    const before = await repo.lockById(deps.db, id)
    // Another change came first: what was proved is the password no longer.
    if (before?.passwordHash !== proved) throw fail('wrong_password')
    await applyChanges(deps, before, { passwordHash })
    const device = await sessions.deviceOf(deps, sessionId)
    const opened = await sessions.open(deps, { id, passwordHash }, device)
    // Deactivated meanwhile: the password is not to change either.
    if (!opened) throw fail('invalid_token')
    return opened.pair
  })
}

/** Deletes the caller's account with all sessions. Throws `wrong_password`, `last_admin`. */
export async function removeMe(
  deps: Acting,
  { userId }: sessions.Principal,
  { current_password }: DeleteMe,
): Promise<void> {
  await proveIdentity(deps, userId, current_password)
  await administration.remove(deps, userId)
}

/** Who a password check was about, and the proof when it passed. */
export type Credentials = { userId: string | null; holder: sessions.VerifiedUser | null }

/** The active user with this e-mail and password. Throws `overloaded`. */
export async function checkPassword(deps: Deps, email: string, password: string): Promise<Credentials> {
  const emailNormalised = normaliseEmail(email)
  const user = emailNormalised ? await repo.byEmail(deps.db, emailNormalised) : null
  // No account costs the same time as a wrong password, so the answer does not tell who has one.
  const isMatch = await isPasswordOf(deps, user, password)
  if (!user?.isActive || !isMatch) return { userId: user?.id ?? null, holder: null }
  if (!deps.passwords.isOutdated(user.passwordHash)) return { userId: user.id, holder: user }
  const holder = await upgraded(deps, user, password)
  // Another login upgraded it first, or it was changed: what stands there now decides.
  return holder ? { userId: user.id, holder } : checkPassword(deps, email, password)
}

function required(currentPassword: string | undefined): string {
  if (currentPassword !== undefined) return currentPassword
  const message = 'is required to change the e-mail address'
  throw fail('validation_failed', { errors: [{ pointer: '/current_password', message }] })
}

/** A hash from another system or of another cost is replaced while the password is at hand; `null` if it has changed. */
async function upgraded(deps: Deps, { id, passwordHash: from }: UserRow, password: string) {
  const passwordHash = await deps.passwords.hash(password)
  const upgrade = { id, from, to: passwordHash, now: deps.clock.now() }
  return (await repo.upgradeHash(deps.db, upgrade)) ? { id, passwordHash } : null
}
