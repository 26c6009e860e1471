import { newId } from '../../core/crypto'
import type { Acting, Deps } from '../../deps'
import * as audit from '../audit/service'
import { addressOf, hashNew } from './credential-rules'
import { lockAdmins } from './last-admin'
import { present } from './present-user'
import * as repo from './repo'
import type { NewUser, User } from './schema'

/** Checks and hashes, before any transaction. Throws `validation_failed`, `weak_password`, `overloaded`. */
export async function prepare(deps: Deps, input: NewUser): Promise<repo.NewUser> {
  const { password, role = 'user', display_name: displayName = null, is_active: isActive = true } = input
  const address = addressOf(input.email)
  const passwordHash = await hashNew(deps, { ...address, password, pointer: '/password' })
  const createdAt = deps.clock.now()
  return { id: newId(createdAt), ...address, passwordHash, displayName, role, isActive, createdAt }
}

/**
 * Adds what was prepared, inside the transaction of the caller. Throws a duplicate (see `uniquely`), and `forbidden` when
 * the caller is no admin any more.
 */
export async function add(deps: Acting, user: repo.NewUser): Promise<User> {
  // Registering is for everyone; for others only an admin makes accounts, and he has to be one still.
  if (deps.caller.userId !== null) await lockAdmins(deps)
  const row = await repo.insert(deps.db, user)
  await audit.record(deps, { type: 'user.created', targetId: row.id, details: { role: row.role } })
  return present(row)
}
