import { fail } from '../../core/errors'
import { sha256 } from '../../core/secret'
import { atomically } from '../../db/atomically'
import type { Acting } from '../../deps'
import * as audit from '../audit/service'
import { tellEnded } from './ended'
import { signPair } from './pair'
import * as repo from './repo'
import type { TokenPair } from './schema'
import type { Verified } from './token-kind'

/** A refresh token that could not be rotated: a lost answer, the end of its session, or theft. */
export async function repeat(deps: Acting, token: Verified, jti: string): Promise<TokenPair> {
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
  return signPair(deps, { userId: token.sub, sessionId: token.sid, jti, now, expiresAt, sessionExpiresAt })
}

/** Commits before the request fails: an error must not undo what it punishes. */
const endReused = (deps: Acting, { sid: sessionId, sub: targetId }: Verified, now: Date) =>
  atomically(deps, async (deps) => {
    const ended = await repo.endOne(deps.db, sessionId, { reason: 'refresh_token_reused', now })
    await audit.record(deps, { type: 'refresh.reused', targetId, sessionId })
    await tellEnded(deps, ended, 'refresh_token_reused')
  })
