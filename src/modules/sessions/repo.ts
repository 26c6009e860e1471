import { and, eq, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import { type Db, first, prepared } from '../../db/rows'
import { users } from '../users/table'
import { type RevokeReason, type SessionRow, sessions, type TokenRow, tokens } from './table'

export type NewSession = Omit<SessionRow, 'revokedAt' | 'revokeReason' | 'lastUsedAt'>
export type NewToken = Pick<TokenRow, 'id' | 'jtiHash' | 'expiresAt'>

type Opening = { session: NewSession; token: NewToken; passwordHash: string }

/**
 * Opens a session with its first refresh token, only while the user is active and has the password that was checked:
 * a login that races a password change or a deactivation must not outlive it. Answers whether it did.
 */
export async function open(db: Db, { session, token, passwordHash }: Opening): Promise<boolean> {
  const rows = await db.execute(sql`
    with holder as (
      select id from users
      where id = ${session.userId} and is_active and password_hash = ${passwordHash}
      for share
    ), opened as (
      insert into sessions (id, user_id, device_name, user_agent, ip, created_at, last_used_at, expires_at)
      select ${session.id}::uuid, id, ${session.deviceName}, ${session.userAgent}, ${session.ip},
        ${at(session.createdAt)}, ${at(session.createdAt)}, ${at(session.expiresAt)}
      from holder
      returning id, user_id
    )
    insert into tokens (id, session_id, user_id, token_type, jti_hash, created_at, expires_at)
    select ${token.id}::uuid, id, user_id, 'refresh', ${token.jtiHash}::bytea, ${at(session.createdAt)}, ${at(token.expiresAt)}
    from opened
    returning id`)
  return rows.length === 1
}

type Rotation = { sessionId: string; usedHash: Buffer; successor: NewToken; now: Date }

/**
 * Marks a refresh token used and adds its successor, in one statement that only one caller can win. The user and the
 * session are locked first, in the order of every other writer, so that rotating cannot deadlock with ending.
 */
export async function rotate(db: Db, { sessionId, usedHash, successor, now }: Rotation): Promise<boolean> {
  const rows = await db.execute(sql`
    with alive as (
      select s.id from sessions s join users u on u.id = s.user_id
      where s.id = ${sessionId} and u.is_active and s.revoked_at is null and s.expires_at > ${at(now)}
      for key share of u
      for update of s
    ), used as (
      update tokens t set used_at = ${at(now)}, replaced_by = ${successor.id}
      from alive
      where t.session_id = alive.id and t.jti_hash = ${usedHash}::bytea
        and t.used_at is null and t.revoked_at is null and t.expires_at > ${at(now)}
      returning t.session_id, t.user_id
    ), touched as (
      update sessions s set last_used_at = ${at(now)} from used where s.id = used.session_id
    )
    insert into tokens (id, session_id, user_id, token_type, jti_hash, created_at, expires_at)
    select ${successor.id}::uuid, session_id, user_id, 'refresh', ${successor.jtiHash}::bytea, ${at(now)}, ${at(successor.expiresAt)}
    from used
    returning id`)
  return rows.length === 1
}

const successors = alias(tokens, 'successors')

/** What became of a refresh token: its session, its user and its successor. */
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

/** When a session ends at the latest, or `null` when there is none. */
export async function expiryOf(db: Db, sessionId: string): Promise<Date | null> {
  const rows = await db
    .select({ expiresAt: sessions.expiresAt })
    .from(sessions)
    .where(eq(sessions.id, sessionId))
  return first(rows)?.expiresAt ?? null
}

type Revocation = { sessionId: string; reason: RevokeReason; now: Date }

/** Ends a session and the refresh token it still has; answers false when it had already ended. */
export async function revoke(db: Db, { sessionId, reason, now }: Revocation): Promise<boolean> {
  const rows = await db.execute(sql`
    with ended as (
      update sessions set revoked_at = ${at(now)}, revoke_reason = ${reason}
      where id = ${sessionId} and revoked_at is null
      returning id
    ), dead as (
      update tokens t set revoked_at = ${at(now)} from ended
      where t.session_id = ended.id and t.used_at is null and t.revoked_at is null
    )
    select id from ended`)
  return rows.length === 1
}

const principal = prepared((db) =>
  db
    .select({
      role: users.role,
      isActive: users.isActive,
      expiresAt: sessions.expiresAt,
      revokedAt: sessions.revokedAt,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, sql.placeholder('sessionId')), eq(users.id, sql.placeholder('userId'))))
    .prepare('principal'),
)

/** What decides whether an access token still counts. */
export async function liveness(db: Db, sessionId: string, userId: string) {
  return first(await principal(db).execute({ sessionId, userId }))
}

/** Raw statements bypass Drizzle's columns, so a moment is given as text with its zone. */
const at = (moment: Date) => sql`${moment.toISOString()}::timestamptz`
