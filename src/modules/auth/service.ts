import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import type { TokenPair } from '../sessions/schema'
import * as sessions from '../sessions/service'
import type { User } from '../users/schema'
import * as users from '../users/service'
import type { Login, Logout, Register } from './schema'

/** Where a request came from. */
type Client = { userAgent: string | null; ip: string | null }

/** Creates an account. Throws `validation_failed`, `weak_password`, `email_taken`, `overloaded`. */
export const register = (deps: Deps, { email, password, display_name }: Register): Promise<User> =>
  users.create(deps, { email, password, displayName: display_name ?? null })

/** Opens a session. One answer for an unknown address, a wrong password and a deactivated account: `invalid_credentials`. */
export async function login(deps: Deps, input: Login, client: Client): Promise<TokenPair> {
  const holder = await users.checkPassword(deps, input.email, input.password)
  const pair = holder && (await sessions.open(deps, holder, { name: input.device_name ?? null, ...client }))
  if (!pair) {
    deps.log.warn({ ip: client.ip }, 'security.sign_in_failed')
    throw fail('invalid_credentials')
  }
  deps.log.info({ userId: holder.id, ip: client.ip }, 'security.sign_in_succeeded')
  return pair
}

/** The next pair for a refresh token. Throws `invalid_refresh_token`, `refresh_token_reused`. */
export const refresh = (deps: Deps, refreshToken: string): Promise<TokenPair> =>
  sessions.rotate(deps, refreshToken)

/** Ends the session of whichever tokens are given. Throws `unauthenticated`, `invalid_token`, `invalid_refresh_token`. */
export async function logout(
  deps: Deps,
  accessToken: string | null,
  input: Logout | undefined,
): Promise<void> {
  const refreshToken = input?.refresh_token ?? null
  if (!accessToken && !refreshToken) throw fail('unauthenticated')
  const bySessionOf = {
    access: accessToken && (await sessions.sessionOf(deps, 'access', accessToken)),
    refresh: refreshToken && (await sessions.sessionOf(deps, 'refresh', refreshToken)),
  }
  if (accessToken && !bySessionOf.access) throw fail('invalid_token')
  if (refreshToken && !bySessionOf.refresh) throw fail('invalid_refresh_token')
  for (const sessionId of new Set(Object.values(bySessionOf))) {
    if (sessionId) await sessions.revoke(deps, sessionId, 'logged_out')
  }
}
