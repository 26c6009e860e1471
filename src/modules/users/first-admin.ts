import { requireSystem, type SystemActor } from '../../core/actor'
import type { Deps } from '../../deps'
import { isDuplicate } from '../../postgres/database-errors'
import { withTransaction } from '../../postgres/transaction'
import { insertUser, prepareUser } from './create-user'
import * as repo from './repo'

type Credentials = { email: string; password: string }

/**
 * Creates an admin if there is none, active or not; one alone, however many instances start at once. An account that
 * has the address is left as it is: whoever registered it first would be made an admin by it.
 */
export async function ensureFirstAdmin(
  deps: Deps,
  actor: SystemActor,
  { email, password }: Credentials,
): Promise<'created' | 'not_needed' | 'address_taken'> {
  requireSystem(actor)
  // Asked before and after the lock: a start that has nothing to do pays for no hash.
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
