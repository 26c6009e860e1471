import { type AnonymousActor, requireUser, type UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import { type MaybePromise, thenSync } from '../../core/maybe-promise'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import { applyChanges, rejectDuplicateEmail } from './apply-changes'
import { insertUser, prepareUser } from './create-user'
import { parseEmail } from './credential-rules'
import { present } from './present-user'
import { removeUser } from './remove-user'
import * as repo from './repo'
import type { ChangeMe, DeleteMe, Register, User } from './schema'
import { reauthenticate } from './user-password'

/** Creates an account of role `user`. Throws `validation_failed`, `weak_password`, `email_taken`, `overloaded`. */
export async function register(
  deps: Deps,
  actor: AnonymousActor | UserActor,
  { email, password, display_name: displayName = null }: Register,
): Promise<User> {
  const user = await prepareUser(deps, { email, password, display_name: displayName, role: 'user' })
  return rejectDuplicateEmail(() => withTransaction(deps, (deps) => insertUser(deps, actor, user)))
}

/** The actor's own account. Throws `invalid_token` when it is gone. */
export function profile(deps: Deps, actor: UserActor): MaybePromise<User> {
  const { sessionId, userId } = requireUser(actor)
  return thenSync(deps.liveness.of(sessionId, userId), (state) => {
    if (!state) throw fail('invalid_token')
    return present(state.user)
  })
}

/** Changes the actor's name or, with the current password, the address. Throws `wrong_password`, `email_taken`. */
export async function changeMe(deps: Deps, actor: UserActor, input: ChangeMe): Promise<User> {
  const { userId } = requireUser(actor)
  const { display_name: displayName, email, current_password: currentPassword } = input
  const address = email === undefined ? null : parseEmail(email)
  const checked = address && (await reauthenticate(deps, actor, required(currentPassword)))
  return rejectDuplicateEmail(() =>
    withTransaction(deps, async (deps) => {
      const before = await repo.lockById(deps.db, userId)
      if (!before?.isActive) throw fail('invalid_token')
      // The password changed after it was checked.
      if (checked && before.passwordHash !== checked.passwordHash) throw fail('wrong_password')
      const changes = { ...address, ...(displayName !== undefined && { displayName }) }
      return present(await applyChanges(deps, actor, { before, changes }))
    }),
  )
}

/** Deletes the actor's account with all sessions. Throws `wrong_password`, `last_admin`. */
export async function removeMe(deps: Deps, actor: UserActor, { current_password }: DeleteMe): Promise<void> {
  const { id } = await reauthenticate(deps, actor, current_password)
  await removeUser(deps, actor, id)
}

function required(currentPassword: string | undefined): string {
  if (currentPassword !== undefined) return currentPassword
  const message = 'is required to change the e-mail address'
  throw fail('validation_failed', { errors: [{ pointer: '/current_password', message }] })
}
