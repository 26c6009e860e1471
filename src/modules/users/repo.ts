import { and, asc, desc, eq, like, lt, sql } from 'drizzle-orm'
import type { Role } from '../../core/roles'
import { locks } from '../../postgres/lock-keys'
import { type Db, first, only } from '../../postgres/rows'
import { type UserRow, users } from './table'

export type NewUser = Omit<UserRow, 'updatedAt'>

/** Throws a unique violation of `users_email_normalised_key`. */
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

/** As `byId`, and locks the row until the transaction ends. */
export async function lockById(db: Db, id: string): Promise<UserRow | null> {
  return first(await db.select().from(users).where(eq(users.id, id)).for('update'))
}

export async function byEmail(db: Db, emailNormalised: string): Promise<UserRow | null> {
  return first(await db.select().from(users).where(eq(users.emailNormalised, emailNormalised)))
}

type Changes = Partial<Omit<UserRow, 'id' | 'createdAt' | 'updatedAt'>>

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

/** Replaces a hash by another one of the same password. Returns false when the password changed meanwhile. */
export async function upgradeHash(db: Db, { id, from, to, now }: Upgrade): Promise<boolean> {
  const rows = await db
    .update(users)
    .set({ passwordHash: to, updatedAt: now })
    .where(and(eq(users.id, id), eq(users.passwordHash, from)))
    .returning({ id: users.id })
  return rows.length === 1
}

/** The sessions of the user are deleted by cascade. */
export async function remove(db: Db, id: string): Promise<void> {
  await db.delete(users).where(eq(users.id, id))
}

/**
 * Locks the active admins and returns their ids. A transaction that removes an admin must lock all of them, or two admins
 * could remove each other at once. The fixed order prevents deadlocks.
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

/** Keeps other instances from creating a first admin until the transaction ends. */
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

/** Newest first, up to `limit + 1` rows: the last one tells that there is another page. */
export function list(db: Db, { emailPrefix, role, isActive, before, limit }: Filter): Promise<UserRow[]> {
  return db
    .select()
    .from(users)
    .where(
      and(
        before === null ? undefined : lt(users.id, before),
        emailPrefix === undefined ? undefined : like(users.emailNormalised, `${escapeLike(emailPrefix)}%`),
        role === undefined ? undefined : eq(users.role, role),
        isActive === undefined ? undefined : eq(users.isActive, isActive),
      ),
    )
    .orderBy(desc(users.id))
    .limit(limit + 1)
}

/** Escapes the wildcards of LIKE. */
const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&')
