import { fail } from '../../core/errors'
import type { Acting } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import * as audit from '../audit/service'
import type { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import type { ChangePassword, User } from '../users/schema'
import * as users from '../users/service'
import type { Login, Logout, Register } from './schema'
import { throttleLogin } from './throttle-login'

/** Creates an account with role `user`. Throws `validation_failed`, `weak_password`, `email_taken`, `overloaded`. */
export const register = (deps: Acting, { email, password, display_name }: Register): Promise<User> =>
  users.create(deps, { email, password, display_name: display_name ?? null })

/**
 * Opens a session. One answer for an unknown address, a wrong password and a deactivated account: `invalid_credentials`,
 * and after too many of them `rate_limited`.
 */
export async function login(deps: Acting, { email, password, device_name }: Login): Promise<TokenPair> {
  // The excess of a flood must not cost the database anything.
  deps.passwords.assertCapacity()
  return throttleLogin(deps, email, async () => {
    const { userId, holder } = await users.checkPassword(deps, email, password)
    const pair = holder && (await signIn(deps, holder, device_name ?? null))
    if (!pair) await audit.record(deps, { type: 'sign_in.failed', targetId: userId })
    return pair
  })
}

/** The next pair for a refresh token. Throws `invalid_refresh_token`, `refresh_token_reused`, `rate_limited`. */
export const refresh = (deps: Acting, refreshToken: string): Promise<TokenPair> =>
  sessions.rotate(deps, refreshToken)

/** Ends the session of whichever tokens are given. Throws `unauthenticated`, `invalid_token`, `invalid_refresh_token`. */
export async function logout(
  deps: Acting,
  accessToken: string | null,
  { refresh_token: refreshToken }: Logout,
): Promise<void> {
  if (!accessToken && !refreshToken) throw fail('unauthenticated')
  const byAccess = accessToken ? await sessions.subjectOf(deps, 'access', accessToken) : null
  const byRefresh = refreshToken ? await sessions.subjectOf(deps, 'refresh', refreshToken) : null
  if (accessToken && !byAccess) throw fail('invalid_token')
  if (refreshToken && !byRefresh) throw fail('invalid_refresh_token')
  if (byAccess) await endNamed(deps, byAccess)
  if (byRefresh && byRefresh.sessionId !== byAccess?.sessionId) await endNamed(deps, byRefresh)
}

/** Ends every session of the caller. */
export const logoutAll = (deps: Acting, { userId }: sessions.Principal): Promise<void> =>
  sessions.endAll(deps, userId, 'logged_out')

/** Sets a new password, ends every session and opens a fresh one. Throws `wrong_password`, `weak_password`, `overloaded`. */
export const changePassword = (
  deps: Acting,
  principal: sessions.Principal,
  input: ChangePassword,
): Promise<TokenPair> => users.changePassword(deps, principal, input)

const signIn = (
  deps: Acting,
  holder: sessions.VerifiedUser,
  deviceName: string | null,
): Promise<TokenPair | null> =>
  withTransaction(deps, async (deps) => {
    const { userAgent, ip } = deps.caller
    const opened = await sessions.open(deps, holder, { deviceName, userAgent, ip })
    if (!opened) return null
    await audit.record(deps, { type: 'sign_in.succeeded', targetId: holder.id, sessionId: opened.sessionId })
    return opened.pair
  })

/** Ends a session for its user, whom a token has named and no guard has looked at. */
const endNamed = (deps: Acting, { sessionId, userId }: sessions.TokenSubject): Promise<void> =>
  sessions.end({ ...deps, caller: { ...deps.caller, userId } }, sessionId, 'logged_out')
