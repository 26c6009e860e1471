import { fail } from '../../core/errors'
import { type Page, pageOf, pageRequest } from '../../core/pagination'
import type { Acting, Deps } from '../../deps'
import { announce } from '../../postgres/announce'
import { withTransaction } from '../../postgres/transaction'
import * as audit from '../audit/service'
import * as sessions from '../sessions/service'
import { applyChanges, type Changes, uniquely } from './apply-changes'
import { addressOf, hashNew } from './credential-rules'
import { assertAdminRemains, lockAdmins } from './last-admin'
import { present } from './present-user'
import * as repo from './repo'
import type { ChangeUser, User, UserQuery } from './schema'
import type { UserRow } from './table'

/** Users, newest first. Throws `validation_failed` for a cursor of another list. */
export async function list(deps: Deps, query: UserQuery): Promise<Page<User>> {
  const page = pageRequest(query)
  const { email, role, is_active: isActive } = query
  const emailPrefix = email?.trim().toLowerCase()
  const rows = await repo.list(deps.db, { emailPrefix, role, isActive, ...page })
  return pageOf(rows, page.limit, present)
}

/** A user. Throws `not_found`. */
export async function get(deps: Deps, id: string): Promise<User> {
  return present(await existing(deps, id))
}

/** The user with this address. Throws `validation_failed`, `not_found`. */
export async function getByEmail(deps: Deps, email: string): Promise<User> {
  const row = await repo.byEmail(deps.db, addressOf(email).emailNormalised)
  if (!row) throw fail('not_found')
  return present(row)
}

/**
 * Changes a user as an admin: the rights of an own account too, as long as an active admin remains. Throws `not_found`,
 * `last_admin`, `email_taken`, `weak_password`, and `forbidden` when the caller is no admin any more.
 */
export async function change(deps: Acting, id: string, input: ChangeUser): Promise<User> {
  const changes = await changesOf(deps, await existing(deps, id), input)
  return uniquely(() =>
    withTransaction(deps, async (deps) => {
      const admins = await lockAdmins(deps)
      const before = await repo.lockById(deps.db, id)
      if (!before) throw fail('not_found')
      assertAdminRemains(admins, before, { ...before, ...changes })
      return present(await applyChanges(deps, before, changes))
    }),
  )
}

/** Deletes a user with all sessions. Throws `not_found`, `last_admin`, and `forbidden` when the caller may no longer. */
export const remove = (deps: Acting, id: string): Promise<void> =>
  withTransaction(deps, async (deps) => {
    const admins = await lockAdmins(deps, id)
    const before = await repo.lockById(deps.db, id)
    if (!before) throw fail('not_found')
    assertAdminRemains(admins, before, null)
    await sessions.endAll(deps, id, 'user_deleted')
    await repo.remove(deps.db, id)
    await audit.record(deps, { type: 'user.deleted', targetId: id, details: { role: before.role } })
    await announce(deps, { type: 'user.changed', userId: id })
  })

async function existing(deps: Deps, id: string): Promise<UserRow> {
  const row = await repo.byId(deps.db, id)
  if (!row) throw fail('not_found')
  return row
}

async function changesOf(deps: Deps, row: UserRow, input: ChangeUser): Promise<Changes> {
  const { email, password, display_name: displayName, role, is_active: isActive } = input
  const address = email === undefined ? null : addressOf(email)
  const { emailNormalised } = address ?? row
  const passwordHash = password && (await hashNew(deps, { password, emailNormalised, pointer: '/password' }))
  return {
    ...address,
    ...(passwordHash && { passwordHash }),
    ...(displayName !== undefined && { displayName }),
    ...(role && { role }),
    ...(isActive !== undefined && { isActive }),
  }
}
