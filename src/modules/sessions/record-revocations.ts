import type { Acting } from '../../deps'
import { announce } from '../../postgres/announce'
import * as audit from '../audit/service'
import type { RevokeReason } from './table'

/** Keeps and announces that sessions ended, in the transaction that ended them. */
export async function recordRevocations(
  deps: Acting,
  ended: { id: string; userId: string }[],
  reason: RevokeReason,
) {
  for (const { id: sessionId, userId } of ended) {
    await audit.record(deps, { type: 'session.revoked', targetId: userId, sessionId, details: { reason } })
    await announce(deps, { type: 'session.ended', sessionId, userId, reason })
  }
}
