import type { Actor } from '../../core/actor'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import * as audit from '../audit/service'
import type { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import { checkPassword } from '../users/user-password'
import type { Login } from './schema'
import { throttleLogin } from './throttle-login'

/**
 * Signs in and opens a session. An unknown address, a wrong password and a deactivated account all throw
 * `invalid_credentials`, so that the response does not tell who has an account. Throws `rate_limited`, `overloaded` too.
 */
export async function login(
  deps: Deps,
  actor: Actor,
  { email, password, device_name }: Login,
): Promise<TokenPair> {
  // Refuses the excess of a flood before it costs a database query.
  deps.passwords.assertCapacity()
  const { userAgent, ip } = actor.origin
  const device = { deviceName: device_name ?? null, userAgent, ip }
  return throttleLogin(deps, actor, {
    email,
    signIn: async () => {
      const { userId, user } = await checkPassword(deps, email, password)
      const pair = user && (await signIn(deps, actor, { user, device }))
      if (!pair) await audit.record(deps, actor, { type: 'sign_in.failed', targetId: userId })
      return pair
    },
  })
}

const signIn = (
  deps: Deps,
  actor: Actor,
  input: { user: sessions.VerifiedUser; device: sessions.Device },
): Promise<TokenPair | null> =>
  withTransaction(deps, async (deps) => {
    const opened = await sessions.open(deps, actor, input)
    if (!opened) return null
    const { sessionId, pair } = opened
    await audit.record(deps, actor, { type: 'sign_in.succeeded', targetId: input.user.id, sessionId })
    return pair
  })
