import { secondsAfter, secondsBetween } from '../../core/clock'
import { randomText } from '../../core/crypto'
import type { Deps } from '../../deps'
import type { TokenPair } from './schema'

type TokenClaims = {
  userId: string
  sessionId: string
  jti: string
  now: Date
  expiresAt: Date
  sessionExpiresAt: Date
}

/** Signs an access token and a refresh token. Neither outlives its session. */
export async function issueTokens(
  deps: Deps,
  { userId, sessionId, jti, now, expiresAt, sessionExpiresAt }: TokenClaims,
): Promise<TokenPair> {
  const accessExpiresAt = earlier(secondsAfter(now, deps.config.accessTtlSeconds), sessionExpiresAt)
  const claims = { sub: userId, sid: sessionId }
  const { access, refresh } = deps.keys.current
  const [accessToken, refreshToken] = await Promise.all([
    access.sign({ ...claims, jti: randomText(16), exp: epochSeconds(accessExpiresAt) }),
    refresh.sign({ ...claims, jti, exp: epochSeconds(expiresAt) }),
  ])
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: secondsBetween(now, accessExpiresAt),
    refresh_token: refreshToken,
    refresh_expires_in: secondsBetween(now, expiresAt),
  }
}

/** The expiry of a refresh token that is issued now. It is never later than that of the session. */
export const refreshExpiry = (deps: Deps, now: Date, sessionExpiresAt: Date) =>
  earlier(secondsAfter(now, deps.config.refreshTtlSeconds), sessionExpiresAt)

const earlier = (a: Date, b: Date) => (a < b ? a : b)

const epochSeconds = (date: Date) => Math.floor(date.getTime() / 1000)
