import {
  type Actor,
  type Origin,
  requireOwnerOrAdmin,
  requireUser,
  type SystemActor,
  type UserActor,
} from '../../core/actor'
import { secondsAfter } from '../../core/clock'
import { newId, randomText, sha256 } from '../../core/crypto'
import { fail } from '../../core/errors'
import { type MaybePromise, thenSync } from '../../core/maybe-promise'
import { networkOf } from '../../core/network'
import type { Role } from '../../core/roles'
import type { Deps } from '../../deps'
import { withTransaction } from '../../postgres/transaction'
import { issueTokens, refreshExpiry } from './issue-tokens'
import type { JwtCodec } from './jwt-codec'
import { recordRevocations } from './record-revocations'
import * as repo from './repo'
import type { TokenPair } from './schema'
import type { RevokeReason, SessionRow } from './table'

/** A user whose password has just been checked against this hash. */
export type VerifiedUser = { id: string; passwordHash: string }

/** Tells a session from others in the list of sessions. */
export type Device = Pick<SessionRow, 'deviceName' | 'userAgent' | 'ip'>

/** More than anyone has devices. A login beyond the limit revokes the oldest session. */
const maxSessionsPerUser = 50

export type Opened = { sessionId: string; pair: TokenPair }

/**
 * Opens a session and issues its first tokens. Returns `null` when the user was deactivated, or the password changed, after
 * the password was checked. Call it in a transaction.
 */
export async function open(
  deps: Deps,
  actor: Actor,
  { user, device }: { user: VerifiedUser; device: Device },
): Promise<Opened | null> {
  const now = deps.clock.now()
  const expiresAt = secondsAfter(now, deps.config.sessionTtlSeconds)
  const session = { id: newId(now), userId: user.id, ...device, createdAt: now, expiresAt }
  const jti = randomText(32)
  const token = { id: newId(now), jtiHash: sha256(jti), expiresAt: refreshExpiry(deps, now, expiresAt) }
  const isOpened = await repo.open(deps.db, { session, token, passwordHash: user.passwordHash })
  if (!isOpened) return null
  const reason = 'too_many_sessions'
  const oldest = { userId: user.id, max: maxSessionsPerUser }
  const revoked = await repo.revokeOldest(deps.db, oldest, { reason, now })
  await recordRevocations(deps, actor, { revoked, reason })
  const claims = { userId: user.id, sessionId: session.id, jti, now, expiresAt: token.expiresAt }
  return { sessionId: session.id, pair: await issueTokens(deps, { ...claims, sessionExpiresAt: expiresAt }) }
}

/** Revokes one of the actor's own sessions. Returns false when it is another user's or was revoked before. */
export const revoke = (
  deps: Deps,
  actor: UserActor,
  { sessionId, reason }: { sessionId: string; reason: RevokeReason },
): Promise<boolean> =>
  withTransaction(deps, async (deps) => {
    const { userId } = requireUser(actor)
    const revoked = await repo.revokeOne(deps.db, { sessionId, userId }, { reason, now: deps.clock.now() })
    await recordRevocations(deps, actor, { revoked, reason })
    return revoked.length > 0
  })

/** Revokes every session of a user, for that user, admins and the service itself. Throws `forbidden`. */
export const revokeAll = (
  deps: Deps,
  actor: UserActor | SystemActor,
  { userId, reason }: { userId: string; reason: RevokeReason },
): Promise<void> =>
  withTransaction(deps, async (deps) => {
    requireOwnerOrAdmin(actor, userId)
    await repo.lockUser(deps.db, userId)
    const revoked = await repo.revokeAll(deps.db, userId, { reason, now: deps.clock.now() })
    await recordRevocations(deps, actor, { revoked, reason })
  })

type LogoutTokens = { access_token: string | null; refresh_token?: string }

/** Revokes the session of each token in the request. Throws `unauthenticated`, `invalid_token`, `invalid_refresh_token`. */
export async function logout(
  deps: Deps,
  { origin }: Actor,
  { access_token: accessToken, refresh_token: refreshToken }: LogoutTokens,
): Promise<void> {
  if (!accessToken && !refreshToken) throw fail('unauthenticated')
  const { access, refresh } = deps.keys.current
  const byAccess = accessToken ? await subjectOf(access, accessToken, origin) : null
  const byRefresh = refreshToken ? await subjectOf(refresh, refreshToken, origin) : null
  if (accessToken && !byAccess) throw fail('invalid_token')
  if (refreshToken && !byRefresh) throw fail('invalid_refresh_token')
  const reason = 'logged_out'
  if (byAccess) await revoke(deps, byAccess, { sessionId: byAccess.sessionId, reason })
  if (byRefresh && byRefresh.sessionId !== byAccess?.sessionId)
    await revoke(deps, byRefresh, { sessionId: byRefresh.sessionId, reason })
}

/** Deletes up to `limit` expired sessions with their tokens. Returns their number. */
export const sweepSessions = (deps: Deps, limit: number): Promise<number> =>
  repo.deleteExpired(deps.db, deps.clock.now(), limit)

/** Deletes up to `limit` expired refresh tokens. Returns their number. */
export const sweepTokens = (deps: Deps, limit: number): Promise<number> =>
  repo.deleteExpiredTokens(deps.db, deps.clock.now(), limit)

/** The user of a valid access token. Throws `invalid_token`. */
export const authenticate = (deps: Deps, origin: Origin, accessToken: string): MaybePromise<UserActor> =>
  thenSync(deps.keys.current.access.verify(accessToken, deps.clock.now()), (token) => {
    if (!token) throw fail('invalid_token')
    const { sub: userId, sid: sessionId, kid, exp } = token
    return validateSession(deps, { userId, sessionId, kid, expiresAt: new Date(exp * 1000), origin })
  })

/** The claims of a verified access token whose session is not checked yet. */
export type SessionClaims = Omit<UserActor, 'kind' | 'role'>

/**
 * Checks the session of a verified access token. Throws `invalid_token` when the session has ended, and when the signing
 * key was removed: a key is removed after a theft, and a thief can sign tokens.
 */
export function validateSession(deps: Deps, claims: SessionClaims): MaybePromise<UserActor> {
  if (!isKeyCurrent(deps, claims)) throw fail('invalid_token')
  return thenSync(deps.liveness.of(claims.sessionId, claims.userId), (state) => {
    const isLive = state?.user.isActive && state.revokedAt === null && state.expiresAt > deps.clock.now()
    if (!isLive) throw fail('invalid_token')
    return { ...claims, kind: 'user' as const, role: state.user.role }
  })
}

/** Whether the key that signed an access token is still among the current ones. */
export const isKeyCurrent = ({ keys }: Deps, { kid }: Pick<UserActor, 'kid'>) =>
  keys.current.access.kids.includes(kid)

/** The device of the actor's session. Throws `invalid_token` when the session is gone. */
export async function deviceOf(deps: Deps, actor: UserActor): Promise<Device> {
  const device = await repo.deviceOf(deps.db, requireUser(actor).sessionId)
  if (!device) throw fail('invalid_token')
  return device
}

/** The live ones of these sessions, with the roles of their users. */
export async function rolesOf(deps: Deps, sessionIds: string[]): Promise<Map<string, Role>> {
  const rows = await repo.roles(deps.db, sessionIds, deps.clock.now())
  return new Map(rows.map(({ id, role }) => [id, role]))
}

/** The user with an e-mail address, and the actor's network if that user signed in from it before. Each may be `null`. */
export async function knownNetwork(deps: Deps, { origin: { ip } }: Actor, emailNormalised: string) {
  const { userId, addresses } = await repo.signInsOf(deps.db, emailNormalised)
  const network = ip === null ? null : networkOf(ip)
  const isKnown = network !== null && addresses.some((ip) => networkOf(ip) === network)
  return { userId, network: isKnown ? network : null }
}

/**
 * The subject of a token that may have expired; `null` for a forged token. The account is not checked, so the actor has
 * the lowest role. It is enough to revoke the session of the token.
 */
async function subjectOf(codec: JwtCodec, token: string, origin: Origin): Promise<UserActor | null> {
  // An expired token may still log out: at the start of the epoch, no token has expired.
  const verified = await codec.verify(token, new Date(0))
  if (!verified) return null
  const { sub: userId, sid: sessionId, kid, exp } = verified
  return { kind: 'user', role: 'user', userId, sessionId, kid, expiresAt: new Date(exp * 1000), origin }
}
