import { type Actor, requireAdmin } from '../../core/actor'
import { newId } from '../../core/crypto'
import type { Deps } from '../../deps'
import * as audit from '../audit/service'
import { addressOf, hashNew } from './credential-rules'
import { present } from './present-user'
import * as repo from './repo'
import type { NewUser, User } from './schema'

/** Checks and hashes, before any transaction. Throws `validation_failed`, `weak_password`, `overloaded`. */
export async function prepareUser(deps: Deps, input: NewUser): Promise<repo.NewUser> {
  const { password, role = 'user', display_name: displayName = null, is_active: isActive = true } = input
  const address = addressOf(input.email)
  const passwordHash = await hashNew(deps, { ...address, password, pointer: '/password' })
  const createdAt = deps.clock.now()
  return { id: newId(createdAt), ...address, passwordHash, displayName, role, isActive, createdAt }
}

/** Adds what was prepared, inside the transaction of the verb that prepared it. Throws a duplicate; see `rejectDuplicateEmail`. */
export async function insertUser(deps: Deps, actor: Actor, user: repo.NewUser): Promise<User> {
  // Registering is for everyone. No verb that forgets to ask for rights may give any away.
  if (user.role !== 'user') requireAdmin(actor)
  const row = await repo.insert(deps.db, user)
  await audit.record(deps, actor, { type: 'user.created', targetId: row.id, details: { role: row.role } })
  return present(row)
}
