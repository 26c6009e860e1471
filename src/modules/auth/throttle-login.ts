import type { Actor } from '../../core/actor'
import { sha256 } from '../../core/crypto'
import { normaliseEmail } from '../../core/email'
import { fail, failureIn } from '../../core/errors'
import type { Deps } from '../../deps'
import * as audit from '../audit/service'
import * as sessions from '../sessions/service'

/**
 * Runs a sign-in within the failure limit of its account; `null` is a failure. The limit applies to addresses without an
 * account too. Throws `invalid_credentials`, `rate_limited`.
 */
export async function throttleLogin<T>(
  deps: Deps,
  actor: Actor,
  { email, signIn }: { email: string; signIn: () => Promise<T | null> },
): Promise<T> {
  const address = normaliseEmail(email) ?? email
  const { userId, network } = await sessions.knownNetwork(deps, actor, address)
  // A network that the user signed in from before has its own limit, so an attacker elsewhere cannot lock the user out.
  const key = sha256(JSON.stringify([address, network])).toString('base64url')
  const outcome = await deps.limits.loginThrottle.run(key, signIn).catch(async (error) => {
    if (failureIn(error)?.refusal?.isFirst)
      await audit.record(deps, actor, {
        type: 'sign_in.limited',
        targetId: userId,
        details: { limit: 'account' },
      })
    throw error
  })
  if (outcome === null) throw fail('invalid_credentials')
  return outcome
}
