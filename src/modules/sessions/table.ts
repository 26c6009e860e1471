import { sql } from 'drizzle-orm'
import { type AnyPgColumn, check, foreignKey, index, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { bytes, id, moment } from '../../postgres/columns'
import { users } from '../users/table'

/** The reasons for which a session is revoked before it expires. */
export const revokeReasons = [
  'logged_out',
  'ended_by_owner',
  'ended_by_admin',
  'refresh_token_reused',
  'password_changed',
  'user_deactivated',
  'user_deleted',
  'too_many_sessions',
] as const

/** One row for each login. `revoked_at` decides for access tokens, refresh tokens and sockets. */
export const sessions = pgTable(
  'sessions',
  {
    id: id(),
    userId: uuid('user_id').notNull(),
    deviceName: text('device_name'),
    userAgent: text('user_agent'),
    ip: text('ip'),
    createdAt: moment('created_at').notNull(),
    lastUsedAt: moment('last_used_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    revokedAt: moment('revoked_at'),
    revokeReason: text('revoke_reason', { enum: revokeReasons }),
  },
  (table) => [
    foreignKey({
      name: 'sessions_user_id_fkey',
      columns: [table.userId],
      foreignColumns: [users.id],
    }).onDelete('cascade'),
    index('sessions_user_id_id_idx').on(table.userId, table.id),
    // A user may have thousands of sessions that have ended, and a session thousands of used tokens.
    index('sessions_open_idx').on(table.userId, table.id).where(sql`revoked_at is null`),
    index('sessions_expires_at_idx').on(table.expiresAt),
    check('sessions_revoked_check', sql`(${table.revokedAt} is null) = (${table.revokeReason} is null)`),
  ],
)

/** One row for each refresh token. Only the hash of the jti is stored, never the jti or the token. */
export const tokens = pgTable(
  'tokens',
  {
    id: id(),
    sessionId: uuid('session_id').notNull(),
    userId: uuid('user_id').notNull(),
    tokenType: text('token_type', { enum: ['refresh'] }).notNull(),
    jtiHash: bytes('jti_hash').notNull(),
    createdAt: moment('created_at').notNull(),
    expiresAt: moment('expires_at').notNull(),
    usedAt: moment('used_at'),
    revokedAt: moment('revoked_at'),
    replacedBy: uuid('replaced_by'),
  },
  (table) => [
    foreignKey({
      name: 'tokens_session_id_fkey',
      columns: [table.sessionId],
      foreignColumns: [sessions.id],
    }).onDelete('cascade'),
    foreignKey({ name: 'tokens_user_id_fkey', columns: [table.userId], foreignColumns: [users.id] }).onDelete(
      'cascade',
    ),
    foreignKey({
      name: 'tokens_replaced_by_fkey',
      columns: [table.replacedBy],
      foreignColumns: [self(table)],
    }).onDelete('set null'),
    unique('tokens_jti_hash_key').on(table.jtiHash),
    unique('tokens_replaced_by_key').on(table.replacedBy),
    index('tokens_session_id_idx').on(table.sessionId),
    index('tokens_open_idx').on(table.sessionId).where(sql`used_at is null and revoked_at is null`),
    index('tokens_user_id_idx').on(table.userId),
    index('tokens_expires_at_idx').on(table.expiresAt),
    check('tokens_token_type_check', sql`${table.tokenType} = 'refresh'`),
  ],
)

const self = (table: { id: AnyPgColumn }): AnyPgColumn => table.id

export type SessionRow = typeof sessions.$inferSelect
export type RevokeReason = (typeof revokeReasons)[number]
export type TokenRow = typeof tokens.$inferSelect
