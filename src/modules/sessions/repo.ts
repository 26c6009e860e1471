import { and, desc, eq, gt, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { type Db, deleteBatch, first, prepared } from '../../postgres/rows'
import { users } from '../users/table'
import { type RevokeReason, type SessionRow, sessions, type TokenRow, tokens } from './table'

type NewSession = Omit<SessionRow, 'revokedAt' | 'revokeReason' | 'lastUsedAt'>
type NewToken = Pick<TokenRow, 'id' | 'jtiHash' | 'expiresAt'>

type Opening = { session: NewSession; token: NewToken; passwordHash: string }

/**
 * Opens a session with its first refresh token. Returns false when the user was deactivated, or the password changed, after
 * the password was checked. The lock on the user serialises logins, so that the limit of sessions counts each of them.
 */
export async function open(db: Db, { session, token, passwordHash }: Opening): Promise<boolean> {
  const rows = await db.execute(sql`
    with verified as (
      select id from users
      where id = ${session.userId} and is_active and password_hash = ${passwordHash}
      for no key update
    ), opened as (
      insert into sessions (id, user_id, device_name, user_agent, ip, created_at, last_used_at, expires_at)
      select ${session.id}::uuid, id, ${session.deviceName}, ${session.userAgent}, ${session.ip},
        ${timestamptz(session.createdAt)}, ${timestamptz(session.createdAt)}, ${timestamptz(session.expiresAt)}
      from verified
      returning id, user_id
    )
    insert into tokens (id, session_id, user_id, token_type, jti_hash, created_at, expires_at)
    select ${token.id}::uuid, id, user_id, 'refresh', ${token.jtiHash}::bytea, ${timestamptz(session.createdAt)}, ${timestamptz(token.expiresAt)}
    from opened
    returning id`)
  return rows.length === 1
}

type Rotation = { sessionId: string; usedHash: Buffer; successor: NewToken; now: Date }

/**
 * Marks a refresh token as used and adds its successor, in one statement that only one caller can win. It locks the user
 * and then the session, as every other writer does, so that it cannot deadlock with a revocation.
 */
export async function rotate(db: Db, { sessionId, usedHash, successor, now }: Rotation): Promise<boolean> {
  const rows = await db.execute(sql`
    with alive as (
      select s.id from sessions s join users u on u.id = s.user_id
      where s.id = ${sessionId} and u.is_active and s.revoked_at is null and s.expires_at > ${timestamptz(now)}
      for key share of u
      for update of s
    ), used as (
      update tokens t set used_at = ${timestamptz(now)}, replaced_by = ${successor.id}
      from alive
      where t.session_id = alive.id and t.jti_hash = ${usedHash}::bytea
        and t.used_at is null and t.revoked_at is null and t.expires_at > ${timestamptz(now)}
      returning t.session_id, t.user_id
    ), touched as (
      update sessions s set last_used_at = ${timestamptz(now)} from used where s.id = used.session_id
    )
    insert into tokens (id, session_id, user_id, token_type, jti_hash, created_at, expires_at)
    select ${successor.id}::uuid, session_id, user_id, 'refresh', ${successor.jtiHash}::bytea, ${timestamptz(now)}, ${timestamptz(successor.expiresAt)}
    from used
    returning id`)
  return rows.length === 1
}

const successors = alias(tokens, 'successors')

/** The state of a refresh token, of its session and of its successor. */
export async function tokenState(db: Db, jtiHash: Buffer) {
  const rows = await db
    .select({
      usedAt: tokens.usedAt,
      isRevoked: sql<boolean>`${tokens.revokedAt} is not null or ${sessions.revokedAt} is not null or not ${users.isActive}`,
      sessionExpiresAt: sessions.expiresAt,
      successorUsedAt: successors.usedAt,
      successorExpiresAt: successors.expiresAt,
    })
    .from(tokens)
    .innerJoin(sessions, eq(sessions.id, tokens.sessionId))
    .innerJoin(users, eq(users.id, tokens.userId))
    .leftJoin(successors, eq(successors.id, tokens.replacedBy))
    .where(eq(tokens.jtiHash, jtiHash))
  return first(rows)
}

/** The expiry of a session, or `null` when there is none. */
export async function expiryOf(db: Db, sessionId: string): Promise<Date | null> {
  const rows = await db
    .select({ expiresAt: sessions.expiresAt })
    .from(sessions)
    .where(eq(sessions.id, sessionId))
  return first(rows)?.expiresAt ?? null
}

/** The device that opened a session, or `null` when there is none. */
export async function deviceOf(db: Db, sessionId: string) {
  const { deviceName, userAgent, ip } = sessions
  return first(
    await db.select({ deviceName, userAgent, ip }).from(sessions).where(eq(sessions.id, sessionId)),
  )
}

type Listing = { userId: string; now: Date; before: string | null; limit: number }

/** Newest first, up to `limit + 1` rows: the last one tells that there is another page. */
export function listLive(db: Db, { userId, now, before, limit }: Listing): Promise<SessionRow[]> {
  return db
    .select()
    .from(sessions)
    .where(and(isLive(userId, now), before === null ? undefined : lt(sessions.id, before)))
    .orderBy(desc(sessions.id))
    .limit(limit + 1)
}

const isLive = (userId: string, now: Date) =>
  and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now))

type Revocation = { filter: SQL | undefined; reason: RevokeReason; now: Date }
type Revoked = { id: string; userId: string }

/** Revokes sessions and their unused refresh tokens. Returns the sessions that were not revoked before. */
async function revoke(db: Db, { filter, reason, now }: Revocation): Promise<Revoked[]> {
  const revoked = await db
    .update(sessions)
    .set({ revokedAt: now, revokeReason: reason })
    .where(and(filter, isNull(sessions.revokedAt)))
    .returning({ id: sessions.id, userId: sessions.userId })
  const ids = revoked.map(({ id }) => id)
  if (ids.length > 0) {
    const isUnused = and(inArray(tokens.sessionId, ids), isNull(tokens.usedAt), isNull(tokens.revokedAt))
    await db.update(tokens).set({ revokedAt: now }).where(isUnused)
  }
  return revoked
}

type Reason = { reason: RevokeReason; now: Date }

/** Revokes one session of a user. Call it in a transaction, as the other revocations. */
export const revokeOne = (
  db: Db,
  { sessionId, userId }: { sessionId: string; userId: string },
  why: Reason,
) => revoke(db, { filter: and(eq(sessions.id, sessionId), eq(sessions.userId, userId)), ...why })

/**
 * Locks a user, so that transactions that open or revoke sessions of one user cannot deadlock. Returns whether the user
 * exists.
 */
export async function lockUser(db: Db, userId: string): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update')
  return rows.length === 1
}

export async function userExists(db: Db, userId: string): Promise<boolean> {
  return (await db.select({ id: users.id }).from(users).where(eq(users.id, userId))).length === 1
}

export const revokeAll = (db: Db, userId: string, why: Reason) =>
  revoke(db, { filter: eq(sessions.userId, userId), ...why })

const maxRevokedAtOnce = 200

/** Revokes the live sessions of a user except the newest `max`. Call it in the transaction that locked the user. */
export async function revokeOldest(
  db: Db,
  { userId, max }: { userId: string; max: number },
  why: Reason,
): Promise<Revoked[]> {
  const beyond = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(isLive(userId, why.now))
    .orderBy(desc(sessions.id))
    .offset(max)
    .limit(maxRevokedAtOnce)
  if (beyond.length === 0) return []
  const ids = beyond.map(({ id }) => id)
  return revoke(db, { filter: inArray(sessions.id, ids), ...why })
}

const maxSignInsRead = 200
const maxAddresses = 50
const firstId = '00000000-0000-0000-0000-000000000000'
const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** The user with this e-mail address, and the last 50 IP addresses among the newest 200 logins of that user. */
export async function signInsOf(db: Db, emailNormalised: string) {
  // PostgreSQL expects few rows for an equality, reads all and sorts them. A range it reads from its end, up to the limit.
  const isOf = sql`(${sessions.userId}, ${sessions.id}) between (${users.id}, ${firstId}::uuid) and (${users.id}, ${lastId}::uuid)`
  const newest = db
    .select({ ip: sessions.ip, createdAt: sessions.createdAt })
    .from(sessions)
    .where(isOf)
    .orderBy(desc(sessions.userId), desc(sessions.id))
    .limit(maxSignInsRead)
    .as('newest')
  const rows = await db
    .select({ userId: users.id, ip: newest.ip })
    .from(users)
    .leftJoinLateral(newest, sql`true`)
    .where(eq(users.emailNormalised, emailNormalised))
    .groupBy(users.id, newest.ip)
    .orderBy(sql`max(${newest.createdAt}) desc`)
    .limit(maxAddresses)
  return {
    userId: first(rows)?.userId ?? null,
    addresses: rows.flatMap(({ ip }) => (ip === null ? [] : [ip])),
  }
}

/** Deletes up to `limit` expired sessions with their tokens. Returns the number of sessions. */
export const deleteExpired = (db: Db, now: Date, limit: number): Promise<number> =>
  deleteBatch(db, sessions, { key: sessions.id, column: sessions.expiresAt, before: now, limit })

/** Deletes up to `limit` expired refresh tokens. Returns their number. */
export const deleteExpiredTokens = (db: Db, now: Date, limit: number): Promise<number> =>
  deleteBatch(db, tokens, { key: tokens.id, column: tokens.expiresAt, before: now, limit })

const livenessOf = prepared((db) =>
  db
    .select({
      expiresAt: sessions.expiresAt,
      revokedAt: sessions.revokedAt,
      user: {
        id: users.id,
        email: users.email,
        displayName: users.displayName,
        role: users.role,
        isActive: users.isActive,
        createdAt: users.createdAt,
        updatedAt: users.updatedAt,
      },
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sql.placeholder('sessionId')), eq(users.id, sql.placeholder('userId'))))
    .prepare('liveness'),
)

/** The state that decides whether an access token is still valid, and its user. */
export async function liveness(db: Db, sessionId: string, userId: string) {
  return first(await livenessOf(db).execute({ sessionId, userId }))
}

/** The live ones of these sessions, with the roles of their users. */
export function roles(db: Db, ids: string[], now: Date) {
  return db
    .select({ id: sessions.id, role: users.role })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(
      and(
        inArray(sessions.id, ids),
        isNull(sessions.revokedAt),
        gt(sessions.expiresAt, now),
        eq(users.isActive, true),
      ),
    )
}

/** See docs/workarounds.md#drizzle-raw-dates. */
const timestamptz = (date: Date) => sql`${date.toISOString()}::timestamptz`
