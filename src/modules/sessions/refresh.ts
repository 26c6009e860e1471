import type { Actor } from '../../core/actor'
import { newId, sha256 } from '../../core/crypto'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import * as audit from '../audit/service'
import { issueTokens, refreshExpiry } from './issue-tokens'
import type { VerifiedToken } from './jwt-codec'
import { recordRevocations } from './record-revocations'
import * as repo from './repo'
import type { TokenPair } from './schema'

/**
 * Exchanges a refresh token for new tokens (RFC 9700 §4.14.2). Throws `invalid_refresh_token`, `rate_limited`, and
 * `refresh_token_reused` after revoking the session.
 */
export async function refresh(deps: Deps, actor: Actor, refreshToken: string): Promise<TokenPair> {
  const now = deps.clock.now()
  const keys = deps.keys.current
  const token = await keys.refresh.verify(refreshToken, now)
  if (!token) throw fail('invalid_refresh_token')
  const { sub: userId, sid: sessionId } = token
  await deps.limits.use('refresh', sessionId)
  const sessionExpiresAt = await repo.expiryOf(deps.db, sessionId)
  if (!sessionExpiresAt) throw fail('invalid_refresh_token')

  const jti = keys.successorOf(token)
  const expiresAt = refreshExpiry(deps, now, sessionExpiresAt)
  const successor = { id: newId(now), jtiHash: sha256(jti), expiresAt }
  const isRotated = await repo.rotate(deps.db, { sessionId, usedHash: sha256(token.jti), successor, now })
  if (!isRotated) return handleTokenReuse(deps, actor, { token, successorJti: jti })
  deps.log.info({ sessionId, userId }, 'session.rotated')
  deps.events.emit({ type: 'session.refreshed', isRepeated: false })
  return issueTokens(deps, { userId, sessionId, jti, now, expiresAt, sessionExpiresAt })
}

type Reuse = { token: VerifiedToken; successorJti: string }

/** Handles a token that could not be rotated: a response was lost, the session has ended, or the token was stolen. */
async function handleTokenReuse(
  deps: Deps,
  actor: Actor,
  { token, successorJti: jti }: Reuse,
): Promise<TokenPair> {
  const { sub: userId, sid: sessionId } = token
  const now = deps.clock.now()
  const state = await repo.tokenState(deps.db, sha256(token.jti))
  if (!state || state.isRevoked || state.sessionExpiresAt <= now || !state.usedAt)
    throw fail('invalid_refresh_token')

  const isInGrace = now.getTime() - state.usedAt.getTime() <= deps.config.refreshGraceSeconds * 1000
  if (!isInGrace || !state.successorExpiresAt || state.successorUsedAt) {
    await revokeReused(deps, actor, token)
    throw fail('refresh_token_reused')
  }
  deps.log.info({ sessionId, userId }, 'session.refresh_repeated')
  deps.events.emit({ type: 'session.refreshed', isRepeated: true })
  const { successorExpiresAt: expiresAt, sessionExpiresAt } = state
  return issueTokens(deps, { userId, sessionId, jti, now, expiresAt, sessionExpiresAt })
}

/** Commits the revocation before the request fails, so that the error does not roll it back. */
const revokeReused = (deps: Deps, actor: Actor, { sid: sessionId, sub: userId }: VerifiedToken) =>
  withTransaction(deps, async (deps) => {
    const reason = 'refresh_token_reused'
    const revoked = await repo.revokeOne(deps.db, { sessionId, userId }, { reason, now: deps.clock.now() })
    await audit.record(deps, actor, { type: 'refresh.reused', targetId: userId, sessionId })
    await recordRevocations(deps, actor, { revoked, reason })
  })
