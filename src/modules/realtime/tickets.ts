import { type Origin, requireUser, type UserActor } from '../../core/actor'
import { secondsAfter } from '../../core/clock'
import { randomText, sha256 } from '../../core/crypto'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { validateSession } from '../sessions/service'
import { ticketSeconds } from './limits'
import * as repo from './repo'
import type { Ticket } from './schema'

/** Issues a ticket that replaces the actor's access token in one handshake. */
export async function issue(deps: Deps, actor: UserActor): Promise<Ticket> {
  const { sessionId, userId, expiresAt, kid } = requireUser(actor)
  // The ticket names the key that signed the token, so that the socket is closed when the key is removed. Only the hash of
  // the whole ticket is stored, so a client cannot change the name.
  const ticket = `${kid}.${randomText(32)}`
  await repo.insertTicket(deps.db, {
    ticketHash: sha256(ticket),
    sessionId,
    userId,
    tokenExpiresAt: expiresAt,
    expiresAt: secondsAfter(deps.clock.now(), ticketSeconds),
  })
  return { ticket, expires_in: ticketSeconds }
}

/** Exchanges a ticket for its user; a second use fails. Throws `invalid_token`. */
export async function redeem(deps: Deps, origin: Origin, ticket: string): Promise<UserActor> {
  const row = await repo.takeTicket(deps.db, sha256(ticket))
  if (!row || row.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  const { sessionId, userId, tokenExpiresAt: expiresAt } = row
  const [kid = ''] = ticket.split('.')
  return validateSession(deps, { sessionId, userId, expiresAt, kid, origin })
}
