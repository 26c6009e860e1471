import type { SystemActor, UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { announce } from '../../postgres/announce'
import { isDuplicate } from '../../postgres/database-errors'
import * as audit from '../audit/service'
import * as sessions from '../sessions/service'
import type { EmailAddress } from './credential-rules'
import * as repo from './repo'
import type { UserRow } from './table'

export type Changes = Partial<
  EmailAddress & Pick<UserRow, 'displayName' | 'role' | 'isActive' | 'passwordHash'>
>

/**
 * Changes a user whose row the transaction has locked. It audits the change, revokes sessions when the password or the
 * state requires it, and announces the change. Throws a unique violation: see `rejectDuplicateEmail`.
 */
export async function applyChanges(
  deps: Deps,
  actor: UserActor | SystemActor,
  { before, changes }: { before: UserRow; changes: Changes },
): Promise<UserRow> {
  const { id: userId } = before
  const after = await repo.update(deps.db, userId, { ...changes, now: deps.clock.now() })
  for (const event of eventsOf(before, after)) await audit.record(deps, actor, { ...event, targetId: userId })
  if (before.isActive && !after.isActive)
    await sessions.revokeAll(deps, actor, { userId, reason: 'user_deactivated' })
  if (before.passwordHash !== after.passwordHash)
    await sessions.revokeAll(deps, actor, { userId, reason: 'password_changed' })
  await announce(deps, { type: 'user.changed', userId })
  return after
}

/** Turns the unique violation of an e-mail address into `email_taken`. */
export async function rejectDuplicateEmail<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw isDuplicate(cause, 'users_email_normalised_key') ? fail('email_taken', { cause }) : cause
  }
}

function eventsOf(before: UserRow, after: UserRow): audit.SecurityEvent[] {
  const activity = after.isActive ? 'user.activated' : 'user.deactivated'
  return [
    ...(before.role === after.role
      ? []
      : [{ type: 'role.changed', details: { from: before.role, to: after.role } } as const]),
    ...(before.isActive === after.isActive ? [] : [{ type: activity } as const]),
    ...(before.passwordHash === after.passwordHash ? [] : [{ type: 'password.changed' } as const]),
    ...(before.emailNormalised === after.emailNormalised ? [] : [{ type: 'email.changed' } as const]),
  ]
}
