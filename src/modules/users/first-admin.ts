import { requireSystem, type SystemActor } from '../../core/actor'
import type { Deps } from '../../deps'
import { isDuplicate } from '../../postgres/database-errors'
import { withTransaction } from '../../postgres/transaction'
import { insertUser, prepareUser } from './create-user'
import * as repo from './repo'

type Credentials = { email: string; password: string }

/**
 * Creates an admin unless one exists, active or not. When several instances start at once, only one of them does. An
 * existing account is not promoted, because anyone could have registered the address.
 */
export async function ensureFirstAdmin(
  deps: Deps,
  actor: SystemActor,
  { email, password }: Credentials,
): Promise<'created' | 'not_needed' | 'address_taken'> {
  requireSystem(actor)
  // Checked before the lock too, so that most starts do not pay for a hash.
  if (await repo.hasAdmin(deps.db)) return 'not_needed'
  const user = await prepareUser(deps, { email, password, role: 'admin' })
  try {
    return await withTransaction(deps, async (deps) => {
      await repo.lockFirstAdmin(deps.db)
      if (await repo.hasAdmin(deps.db)) return 'not_needed'
      await insertUser(deps, actor, user)
      return 'created'
    })
  } catch (error) {
    if (isDuplicate(error, 'users_email_normalised_key')) return 'address_taken'
    throw error
  }
}
