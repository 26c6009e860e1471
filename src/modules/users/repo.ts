import { and, asc, desc, eq, like, lt, sql } from 'drizzle-orm'
import type { Role } from '../../core/roles'
import { locks } from '../../postgres/lock-keys'
import { type Db, first, only } from '../../postgres/rows'
import { type UserRow, users } from './table'

export type NewUser = Omit<UserRow, 'updatedAt'>

/** Adds a user. Throws a duplicate under `users_email_normalised_key`. */
export async function insert(db: Db, user: NewUser): Promise<UserRow> {
  return only(
    await db
      .insert(users)
      .values({ ...user, updatedAt: user.createdAt })
      .returning(),
  )
}

export async function byId(db: Db, id: string): Promise<UserRow | null> {
  return first(await db.select().from(users).where(eq(users.id, id)))
}

/** As `byId`, and nobody else changes the row before this transaction ends. */
export async function lockById(db: Db, id: string): Promise<UserRow | null> {
  return first(await db.select().from(users).where(eq(users.id, id)).for('update'))
}

export async function byEmail(db: Db, emailNormalised: string): Promise<UserRow | null> {
  return first(await db.select().from(users).where(eq(users.emailNormalised, emailNormalised)))
}

type Changes = Partial<Omit<UserRow, 'id' | 'createdAt' | 'updatedAt'>>

/** Changes a user, and with it `updated_at`. */
export async function update(
  db: Db,
  id: string,
  { now, ...changes }: Changes & { now: Date },
): Promise<UserRow> {
  const rows = await db
    .update(users)
    .set({ ...changes, updatedAt: now })
    .where(eq(users.id, id))
    .returning()
  return only(rows)
}

type Upgrade = { id: string; from: string; to: string; now: Date }

/** Replaces a hash by one of the same password, unless the password has changed meanwhile. Answers whether it did. */
export async function upgradeHash(db: Db, { id, from, to, now }: Upgrade): Promise<boolean> {
  const rows = await db
    .update(users)
    .set({ passwordHash: to, updatedAt: now })
    .where(and(eq(users.id, id), eq(users.passwordHash, from)))
    .returning({ id: users.id })
  return rows.length === 1
}

/** Deletes a user with all sessions. */
export async function remove(db: Db, id: string): Promise<void> {
  await db.delete(users).where(eq(users.id, id))
}

/**
 * Locks the active admins, always in the same order, and answers their ids: whoever takes the rights of one has to hold
 * them all, or two admins could take each other's at the same instant.
 */
export async function lockActiveAdmins(db: Db): Promise<string[]> {
  const isActiveAdmin = and(eq(users.role, 'admin'), eq(users.isActive, true))
  const rows = await db
    .select({ id: users.id })
    .from(users)
    .where(isActiveAdmin)
    .orderBy(asc(users.id))
    .for('update')
  return rows.map(({ id }) => id)
}

/** Whether any account is an admin, active or not. */
export async function hasAdmin(db: Db): Promise<boolean> {
  const rows = await db.select({ id: users.id }).from(users).where(eq(users.role, 'admin')).limit(1)
  return rows.length > 0
}

/** Until the transaction ends, no other instance creates a first admin. */
export async function lockFirstAdmin(db: Db): Promise<void> {
  await db.execute(sql`select pg_advisory_xact_lock(${locks.firstAdmin})`)
}

type Filter = {
  emailPrefix?: string | undefined
  role?: Role | undefined
  isActive?: boolean | undefined
  before: string | null
  limit: number
}

/** Newest first; one more than `limit`, when there is one. */
export function list(db: Db, { emailPrefix, role, isActive, before, limit }: Filter): Promise<UserRow[]> {
  return db
    .select()
    .from(users)
    .where(
      and(
        before === null ? undefined : lt(users.id, before),
        emailPrefix === undefined ? undefined : like(users.emailNormalised, `${literal(emailPrefix)}%`),
        role === undefined ? undefined : eq(users.role, role),
        isActive === undefined ? undefined : eq(users.isActive, isActive),
      ),
    )
    .orderBy(desc(users.id))
    .limit(limit + 1)
}

/** Text in which LIKE sees no wildcard. */
const literal = (text: string) => text.replace(/[\\%_]/g, '\\$&')
