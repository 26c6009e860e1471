import { secondsAfter, secondsBetween } from '../../core/clock'
import { fail } from '../../core/errors'
import { newId, randomText, sha256 } from '../../core/secret'
import type { Deps } from '../../deps'
import * as repo from './repo'
import type { TokenPair } from './schema'
import type { RevokeReason } from './table'
import type { Verified } from './token-kind'

/** Who is asking: what the guard puts into the context of a request. */
export type Principal = { userId: string; sessionId: string; role: 'user' | 'admin' }

/** Where a login came from, as its owner will see it in the list of sessions. */
export type Device = { name: string | null; userAgent: string | null; ip: string | null }

/** A user whose password has just been checked against this hash. */
type Holder = { id: string; passwordHash: string }

/** Opens a session and answers its first pair; `null` when the user changed since the password was checked. */
export async function open(deps: Deps, holder: Holder, device: Device): Promise<TokenPair | null> {
  const now = deps.clock.now()
  const session = {
    id: newId(now),
    userId: holder.id,
    deviceName: device.name,
    userAgent: device.userAgent,
    ip: device.ip,
    createdAt: now,
    expiresAt: secondsAfter(now, deps.config.sessionTtlSeconds),
  }
  const jti = randomText(32)
  const expiresAt = refreshExpiry(deps, now, session.expiresAt)
  const token = { id: newId(now), jtiHash: sha256(jti), expiresAt }
  if (!(await repo.open(deps.db, { session, token, passwordHash: holder.passwordHash }))) return null
  return pair(deps, {
    userId: holder.id,
    sessionId: session.id,
    jti,
    expiresAt,
    sessionExpiresAt: session.expiresAt,
  })
}

/**
 * Exchanges a refresh token for the next pair (RFC 9700 §4.14.2). Throws `invalid_refresh_token`, and
 * `refresh_token_reused` after ending the session.
 */
export async function rotate(deps: Deps, refreshToken: string): Promise<TokenPair> {
  const now = deps.clock.now()
  const token = await deps.keys.refresh.verify(refreshToken, now)
  if (!token) throw fail('invalid_refresh_token')
  const sessionExpiresAt = await repo.expiryOf(deps.db, token.sid)
  if (!sessionExpiresAt) throw fail('invalid_refresh_token')

  const jti = deps.keys.successorOf(token)
  const expiresAt = refreshExpiry(deps, now, sessionExpiresAt)
  const successor = { id: newId(now), jtiHash: sha256(jti), expiresAt }
  const isRotated = await repo.rotate(deps.db, {
    sessionId: token.sid,
    usedHash: sha256(token.jti),
    successor,
    now,
  })
  if (!isRotated) return repeat(deps, token, jti)
  deps.log.info({ sessionId: token.sid, userId: token.sub }, 'session.rotated')
  return pair(deps, { userId: token.sub, sessionId: token.sid, jti, expiresAt, sessionExpiresAt })
}

/** Ends the session of a token; one that had already ended is fine. */
export async function revoke(deps: Deps, sessionId: string, reason: RevokeReason): Promise<void> {
  const isRevoked = await repo.revoke(deps.db, { sessionId, reason, now: deps.clock.now() })
  if (isRevoked) deps.log.info({ sessionId, reason }, 'session.revoked')
}

/** Whom an access token speaks for now. Throws `invalid_token`. */
export async function authenticate(deps: Deps, accessToken: string): Promise<Principal> {
  const now = deps.clock.now()
  const token = await deps.keys.access.verify(accessToken, now)
  if (!token) throw fail('invalid_token')
  const state = await repo.liveness(deps.db, token.sid, token.sub)
  if (!state?.isActive || state.revokedAt !== null || state.expiresAt <= now) throw fail('invalid_token')
  return { userId: token.sub, sessionId: token.sid, role: state.role }
}

/** The session a token was made for, even when either has ended; `null` for a forged one. */
export async function sessionOf(
  deps: Deps,
  kind: 'access' | 'refresh',
  token: string,
): Promise<string | null> {
  // A signature stays good when the time has passed; the start of time lies before every expiry.
  const verified = await deps.keys[kind].verify(token, new Date(0))
  return verified?.sid ?? null
}

/** A refresh token that could not be rotated: a lost answer, the end of its session, or theft. */
async function repeat(deps: Deps, token: Verified, jti: string): Promise<TokenPair> {
  const now = deps.clock.now()
  const state = await repo.tokenState(deps.db, sha256(token.jti))
  if (!state || state.isRevoked || state.sessionExpiresAt <= now || !state.usedAt)
    throw fail('invalid_refresh_token')

  const isInGrace = now.getTime() - state.usedAt.getTime() <= deps.config.refreshGraceSeconds * 1000
  if (isInGrace && state.successorExpiresAt && !state.successorUsedAt) {
    deps.log.info({ sessionId: token.sid, userId: token.sub }, 'session.refresh_repeated')
    return pair(deps, {
      userId: token.sub,
      sessionId: token.sid,
      jti,
      expiresAt: state.successorExpiresAt,
      sessionExpiresAt: state.sessionExpiresAt,
    })
  }
  await repo.revoke(deps.db, { sessionId: token.sid, reason: 'refresh_token_reused', now })
  deps.log.warn({ sessionId: token.sid, userId: token.sub }, 'security.refresh_token_reused')
  throw fail('refresh_token_reused')
}

type Link = { userId: string; sessionId: string; jti: string; expiresAt: Date; sessionExpiresAt: Date }

async function pair(
  deps: Deps,
  { userId, sessionId, jti, expiresAt, sessionExpiresAt }: Link,
): Promise<TokenPair> {
  const now = deps.clock.now()
  const accessExpiresAt = earlier(secondsAfter(now, deps.config.accessTtlSeconds), sessionExpiresAt)
  const claims = { sub: userId, sid: sessionId }
  const [accessToken, refreshToken] = await Promise.all([
    deps.keys.access.sign({ ...claims, jti: randomText(16), exp: epochSeconds(accessExpiresAt) }),
    deps.keys.refresh.sign({ ...claims, jti, exp: epochSeconds(expiresAt) }),
  ])
  return {
    access_token: accessToken,
    token_type: 'Bearer',
    expires_in: secondsBetween(now, accessExpiresAt),
    refresh_token: refreshToken,
    refresh_expires_in: secondsBetween(now, expiresAt),
  }
}

const refreshExpiry = (deps: Deps, now: Date, sessionExpiresAt: Date) =>
  earlier(secondsAfter(now, deps.config.refreshTtlSeconds), sessionExpiresAt)

const earlier = (a: Date, b: Date) => (a < b ? a : b)

const epochSeconds = (moment: Date) => Math.floor(moment.getTime() / 1000)
