import { requireAdmin, requireOwnerOrAdmin, type SystemActor, type UserActor } from '../../core/actor'
import { fail } from '../../core/errors'
import { type Page, pageOf, pageRequest } from '../../core/pagination'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import { applyChanges, type Changes, rejectDuplicateEmail } from './apply-changes'
import { insertUser, prepareUser } from './create-user'
import { hashNewPassword, parseEmail } from './credential-rules'
import { assertAdminRemains, lockAdmins } from './last-admin'
import { present } from './present-user'
import { removeUser } from './remove-user'
import * as repo from './repo'
import type { ChangeUser, NewUser, User, UserQuery } from './schema'
import type { UserRow } from './table'

type Administrator = UserActor | SystemActor

/** Users, newest first. Throws `validation_failed` for a cursor of another list. */
export async function list(deps: Deps, actor: Administrator, query: UserQuery): Promise<Page<User>> {
  requireAdmin(actor)
  const page = pageRequest(query)
  const { email, role, is_active: isActive } = query
  const emailPrefix = email?.trim().toLowerCase()
  const rows = await repo.list(deps.db, { emailPrefix, role, isActive, ...page })
  return pageOf(rows, page.limit, present)
}

/**
 * Creates an account for another person. Throws `validation_failed`, `weak_password`, `email_taken`, `overloaded`, and
 * `forbidden` also when the actor is no longer an admin.
 */
export async function create(deps: Deps, actor: Administrator, input: NewUser): Promise<User> {
  requireAdmin(actor)
  const user = await prepareUser(deps, input)
  return rejectDuplicateEmail(() =>
    withTransaction(deps, async (deps) => {
      await lockAdmins(deps, actor)
      return insertUser(deps, actor, user)
    }),
  )
}

/** Returns a user, to that user and admins. Throws `forbidden`, `not_found`. */
export async function get(deps: Deps, actor: Administrator, id: string): Promise<User> {
  requireOwnerOrAdmin(actor, id)
  return present(await findUser(deps, id))
}

/** The user with this address. Throws `validation_failed`, `not_found`. */
export async function getByEmail(deps: Deps, actor: Administrator, email: string): Promise<User> {
  requireAdmin(actor)
  const row = await repo.byEmail(deps.db, parseEmail(email).emailNormalised)
  if (!row) throw fail('not_found')
  return present(row)
}

/**
 * Changes a user as an admin. Admins may change their own rights, as long as an active admin remains. Throws `not_found`,
 * `last_admin`, `email_taken`, `weak_password`, and `forbidden` also for the own password or without admin rights.
 */
export async function change(
  deps: Deps,
  actor: Administrator,
  { id, ...input }: ChangeUser & { id: string },
): Promise<User> {
  requireAdmin(actor)
  if (input.password !== undefined) rejectSelf(actor, id, ownPasswordHint)
  const changes = await changesOf(deps, await findUser(deps, id), input)
  return rejectDuplicateEmail(() =>
    withTransaction(deps, async (deps) => {
      const admins = await lockAdmins(deps, actor)
      const before = await repo.lockById(deps.db, id)
      if (!before) throw fail('not_found')
      assertAdminRemains(admins, before, { ...before, ...changes })
      return present(await applyChanges(deps, actor, { before, changes }))
    }),
  )
}

/** Deletes another user with all sessions. Throws `not_found`, `last_admin`, and `forbidden` also for the own account. */
export async function remove(deps: Deps, actor: Administrator, id: string): Promise<void> {
  requireAdmin(actor)
  rejectSelf(actor, id, ownDeletionHint)
  await removeUser(deps, actor, id)
}

/** The hint that names the route for the own account. */
export const ownDeletionHint = 'Use DELETE /users/me for your own account. It asks for the password.'
const ownPasswordHint = 'Use POST /auth/password for your own password. It asks for the current one.'

/** A stolen access token must not be enough to take over or destroy the account of an admin. */
function rejectSelf(actor: Administrator, id: string, detail: string) {
  if (actor.kind === 'user' && actor.userId === id.toLowerCase()) throw fail('forbidden', { detail })
}

async function findUser(deps: Deps, id: string): Promise<UserRow> {
  const row = await repo.byId(deps.db, id)
  if (!row) throw fail('not_found')
  return row
}

async function changesOf(deps: Deps, row: UserRow, input: ChangeUser): Promise<Changes> {
  const { email, password, display_name: displayName, role, is_active: isActive } = input
  const address = email === undefined ? null : parseEmail(email)
  const { emailNormalised } = address ?? row
  const passwordHash =
    password && (await hashNewPassword(deps, { password, emailNormalised, pointer: '/password' }))
  return {
    ...address,
    ...(passwordHash && { passwordHash }),
    ...(displayName !== undefined && { displayName }),
    ...(role && { role }),
    ...(isActive !== undefined && { isActive }),
  }
}
