import { secondsAfter } from '../../core/clock'
import { newId, randomText, sha256 } from '../../core/crypto'
import { fail } from '../../core/errors'
import { type MaybePromise, thenSync } from '../../core/maybe-promise'
import { networkOf } from '../../core/network'
import type { Acting, Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import { issueTokens, refreshExpiry } from './issue-tokens'
import { recordRevocations } from './record-revocations'
import { handleTokenReuse } from './refresh-reuse'
import * as repo from './repo'
import type { TokenPair } from './schema'
import type { RevokeReason, SessionRow } from './table'

/** Who is asking: what the guard puts into the context of a request. */
export type Principal = {
  userId: string
  sessionId: string
  role: 'user' | 'admin'
  /** When the access token ends. */
  expiresAt: Date
  /** The key that signed it. */
  kid: string
}

/** A user whose password has just been checked against this hash. */
export type VerifiedUser = { id: string; passwordHash: string }

/** What a session is recognised by in the list of sessions. */
export type Device = Pick<SessionRow, 'deviceName' | 'userAgent' | 'ip'>

/** More open sessions than anyone has devices: the oldest ends. */
const maxSessions = 50

/** A session that has just begun. */
export type Opened = { sessionId: string; pair: TokenPair }

/**
 * Opens a session with its first pair; `null` when the user changed since the password was checked. Inside a
 * transaction, with what the opening is part of.
 */
export async function open(deps: Acting, holder: VerifiedUser, device: Device): Promise<Opened | null> {
  const now = deps.clock.now()
  const expiresAt = secondsAfter(now, deps.config.sessionTtlSeconds)
  const session = { id: newId(now), userId: holder.id, ...device, createdAt: now, expiresAt }
  const jti = randomText(32)
  const token = { id: newId(now), jtiHash: sha256(jti), expiresAt: refreshExpiry(deps, now, expiresAt) }
  const isOpen = await repo.open(deps.db, { session, token, passwordHash: holder.passwordHash })
  if (!isOpen) return null
  const reason = 'too_many_sessions'
  await recordRevocations(
    deps,
    await repo.endBeyond(deps.db, { userId: holder.id, most: maxSessions }, { reason, now }),
    reason,
  )
  const link = { userId: holder.id, sessionId: session.id, jti, now, expiresAt: token.expiresAt }
  return { sessionId: session.id, pair: await issueTokens(deps, { ...link, sessionExpiresAt: expiresAt }) }
}

/**
 * Exchanges a refresh token for the next pair (RFC 9700 §4.14.2). Throws `invalid_refresh_token`,
 * `rate_limited`, and `refresh_token_reused` after ending the session.
 */
export async function rotate(deps: Acting, refreshToken: string): Promise<TokenPair> {
  const now = deps.clock.now()
  const keys = deps.keys.current
  const token = await keys.refresh.verify(refreshToken, now)
  if (!token) throw fail('invalid_refresh_token')
  await deps.limits.use('refresh', token.sid)
  const sessionExpiresAt = await repo.expiryOf(deps.db, token.sid)
  if (!sessionExpiresAt) throw fail('invalid_refresh_token')

  const jti = keys.successorOf(token)
  const expiresAt = refreshExpiry(deps, now, sessionExpiresAt)
  const successor = { id: newId(now), jtiHash: sha256(jti), expiresAt }
  const isRotated = await repo.rotate(deps.db, {
    sessionId: token.sid,
    usedHash: sha256(token.jti),
    successor,
    now,
  })
  if (!isRotated) return handleTokenReuse(deps, token, jti)
  deps.log.info({ sessionId: token.sid, userId: token.sub }, 'session.rotated')
  deps.bus.emit({ type: 'session.refreshed', isRepeated: false })
  return issueTokens(deps, { userId: token.sub, sessionId: token.sid, jti, now, expiresAt, sessionExpiresAt })
}

/** Ends the session of a token; one that had already ended is fine. */
export const end = (deps: Acting, sessionId: string, reason: RevokeReason): Promise<void> =>
  withTransaction(deps, async (deps) => {
    await recordRevocations(
      deps,
      await repo.endOne(deps.db, sessionId, { reason, now: deps.clock.now() }),
      reason,
    )
  })

/** Ends every session of a user. */
export const endAll = (deps: Acting, userId: string, reason: RevokeReason): Promise<void> =>
  withTransaction(deps, async (deps) => {
    await repo.lockHolder(deps.db, userId)
    await recordRevocations(
      deps,
      await repo.endAll(deps.db, userId, { reason, now: deps.clock.now() }),
      reason,
    )
  })

/** Deletes some sessions and refresh tokens that have expired; answers how many rows went. */
export async function sweep(deps: Deps, limit: number): Promise<number> {
  const now = deps.clock.now()
  // Sessions before tokens, the order in which every other writer locks them.
  const expiredSessions = await repo.deleteExpired(deps.db, now, limit)
  return expiredSessions + (await repo.deleteExpiredTokens(deps.db, now, limit))
}

/** Whom an access token speaks for now. Throws `invalid_token`. */
export const authenticate = (deps: Deps, accessToken: string): MaybePromise<Principal> =>
  thenSync(deps.keys.current.access.verify(accessToken, deps.clock.now()), (token) => {
    if (!token) throw fail('invalid_token')
    const { sub: userId, sid: sessionId, kid, exp } = token
    return validateSession(deps, { userId, sessionId, kid, expiresAt: new Date(exp * 1000) })
  })

/**
 * Whom a session speaks for now, its access token having been seen before. Throws `invalid_token` when it has ended, and
 * when the key of the token is in force no more: whoever stole it may have made the token.
 */
export function validateSession(deps: Deps, access: Omit<Principal, 'role'>): MaybePromise<Principal> {
  if (!isInForce(deps, access)) throw fail('invalid_token')
  return thenSync(deps.liveness.of(access.sessionId, access.userId), (state) => {
    const isLive = state?.user.isActive && state.revokedAt === null && state.expiresAt > deps.clock.now()
    if (!isLive) throw fail('invalid_token')
    return { ...access, role: state.user.role }
  })
}

/** Whether the key that signed an access token is still one of ours. */
export const isInForce = ({ keys }: Deps, { kid }: Pick<Principal, 'kid'>) =>
  keys.current.access.kids.includes(kid)

/** Where a session was opened. Throws `invalid_token` when it is gone. */
export async function deviceOf(deps: Deps, sessionId: string): Promise<Device> {
  const device = await repo.deviceOf(deps.db, sessionId)
  if (!device) throw fail('invalid_token')
  return device
}

/** Of these sessions those that live, with the roles of their users. */
export async function rolesOf(deps: Deps, sessionIds: string[]): Promise<Map<string, Principal['role']>> {
  const rows = await repo.roles(deps.db, sessionIds, deps.clock.now())
  return new Map(rows.map(({ id, role }) => [id, role]))
}

/** Who has an e-mail address, if anyone, and whether they ever signed in from the caller's network. */
export async function knownNetwork(deps: Acting, emailNormalised: string) {
  const { userId, addresses } = await repo.signInsOf(deps.db, emailNormalised)
  const network = deps.caller.ip === null ? null : networkOf(deps.caller.ip)
  const isKnown = network !== null && addresses.some((ip) => networkOf(ip) === network)
  return { userId, network: isKnown ? network : null }
}

/** The session and the user a token was made for. */
export type TokenSubject = { sessionId: string; userId: string }

/** What a token names, even when either has ended; `null` for a forged one. */
export async function subjectOf(
  deps: Deps,
  kind: 'access' | 'refresh',
  token: string,
): Promise<TokenSubject | null> {
  // A signature stays good when the time has passed; the start of time lies before every expiry.
  const verified = await deps.keys.current[kind].verify(token, new Date(0))
  return verified && { sessionId: verified.sid, userId: verified.sub }
}
