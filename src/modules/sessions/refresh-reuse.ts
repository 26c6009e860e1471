import { sha256 } from '../../core/crypto'
import { fail } from '../../core/errors'
import type { Acting } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import * as audit from '../audit/service'
import { issueTokens } from './issue-tokens'
import type { VerifiedToken } from './jwt-codec'
import { recordRevocations } from './record-revocations'
import * as repo from './repo'
import type { TokenPair } from './schema'

/** A refresh token that could not be rotated: a lost answer, the end of its session, or theft. */
export async function handleTokenReuse(deps: Acting, token: VerifiedToken, jti: string): Promise<TokenPair> {
  const now = deps.clock.now()
  const state = await repo.tokenState(deps.db, sha256(token.jti))
  if (!state || state.isRevoked || state.sessionExpiresAt <= now || !state.usedAt)
    throw fail('invalid_refresh_token')

  const isInGrace = now.getTime() - state.usedAt.getTime() <= deps.config.refreshGraceSeconds * 1000
  if (!isInGrace || !state.successorExpiresAt || state.successorUsedAt) {
    await endReused(deps, token, now)
    throw fail('refresh_token_reused')
  }
  deps.log.info({ sessionId: token.sid, userId: token.sub }, 'session.refresh_repeated')
  deps.bus.emit({ type: 'session.refreshed', isRepeated: true })
  const { successorExpiresAt: expiresAt, sessionExpiresAt } = state
  return issueTokens(deps, { userId: token.sub, sessionId: token.sid, jti, now, expiresAt, sessionExpiresAt })
}

/** Commits before the request fails: an error must not undo what it punishes. */
const endReused = (deps: Acting, { sid: sessionId, sub: targetId }: VerifiedToken, now: Date) =>
  withTransaction(deps, async (deps) => {
    const ended = await repo.endOne(deps.db, sessionId, { reason: 'refresh_token_reused', now })
    await audit.record(deps, { type: 'refresh.reused', targetId, sessionId })
    await recordRevocations(deps, ended, 'refresh_token_reused')
  })
