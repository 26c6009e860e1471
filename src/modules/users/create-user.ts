import { type Actor, requireAdmin } from '../../core/actor'
import { newId } from '../../core/crypto'
import type { Deps } from '../../deps'
import * as audit from '../audit/service'
import { hashNewPassword, parseEmail } from './credential-rules'
import { present } from './present-user'
import * as repo from './repo'
import type { NewUser, User } from './schema'

/** Validates a new user and hashes the password. Call it before the transaction, because hashing is slow. */
export async function prepareUser(deps: Deps, input: NewUser): Promise<repo.NewUser> {
  const { password, role = 'user', display_name: displayName = null, is_active: isActive = true } = input
  const address = parseEmail(input.email)
  const passwordHash = await hashNewPassword(deps, { ...address, password, pointer: '/password' })
  const createdAt = deps.clock.now()
  return { id: newId(createdAt), ...address, passwordHash, displayName, role, isActive, createdAt }
}

/** Inserts a prepared user. Call it in a transaction. Throws a unique violation: see `rejectDuplicateEmail`. */
export async function insertUser(deps: Deps, actor: Actor, user: repo.NewUser): Promise<User> {
  // Anyone may register, so a caller that forgets to check rights must not be able to create an admin.
  if (user.role !== 'user') requireAdmin(actor)
  const row = await repo.insert(deps.db, user)
  await audit.record(deps, actor, { type: 'user.created', targetId: row.id, details: { role: row.role } })
  return present(row)
}
