import type { Actor } from '../../core/actor'
import type { Base, Data } from '../../deps'
import { announce } from '../../postgres/announce'
import * as audit from '../audit/service'
import type { RevokeReason } from './table'

type Revocations = { revoked: { id: string; userId: string }[]; reason: RevokeReason }

/** Audits and announces revoked sessions, in the transaction that revoked them. */
export async function recordRevocations(deps: Base & Data, actor: Actor, { revoked, reason }: Revocations) {
  for (const { id: sessionId, userId } of revoked) {
    await audit.record(deps, actor, {
      type: 'session.revoked',
      targetId: userId,
      sessionId,
      details: { reason },
    })
    await announce(deps, { type: 'session.ended', sessionId, userId, reason })
  }
}
