import { secondsAfter } from '../../core/clock'
import { randomText, sha256 } from '../../core/crypto'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { type Principal, validateSession } from '../sessions/service'
import { ticketSeconds } from './limits'
import * as repo from './repo'
import type { Ticket } from './schema'

/** Makes a ticket that stands for the caller's access token in one connection. */
export async function issue(deps: Deps, { sessionId, userId, expiresAt, kid }: Principal): Promise<Ticket> {
  // Its hash vouches for the key that it names: the token's, without which the socket must end.
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

/** Uses a ticket up and answers whom it speaks for. Throws `invalid_token`. */
export async function redeem(deps: Deps, ticket: string): Promise<Principal> {
  const row = await repo.takeTicket(deps.db, sha256(ticket))
  if (!row || row.expiresAt <= deps.clock.now()) throw fail('invalid_token')
  const { sessionId, userId, tokenExpiresAt: expiresAt } = row
  const [kid = ''] = ticket.split('.')
  return validateSession(deps, { sessionId, userId, expiresAt, kid })
}
