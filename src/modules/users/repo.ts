import { and, eq, sql } from 'drizzle-orm'
import { type Db, first, only, prepared } from '../../db/rows'
import { type UserRow, users } from './table'

type NewUser = Omit<UserRow, 'updatedAt'>

/** Adds a user. Throws a duplicate under `users_email_normalised_key`. */
export async function insert(db: Db, user: NewUser): Promise<UserRow> {
  return only(
    await db
      .insert(users)
      .values({ ...user, updatedAt: user.createdAt })
      .returning(),
  )
}

const rowById = prepared((db) =>
  db
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('user_by_id'),
)

export const byId = async (db: Db, id: string): Promise<UserRow | null> =>
  first(await rowById(db).execute({ id }))

export async function byEmail(db: Db, emailNormalised: string): Promise<UserRow | null> {
  return first(await db.select().from(users).where(eq(users.emailNormalised, emailNormalised)))
}

type Upgrade = { id: string; from: string; to: string; now: Date }

/** Replaces a hash by one of the same password, unless the password has changed meanwhile. */
export async function upgradeHash(db: Db, { id, from, to, now }: Upgrade) {
  await db
    .update(users)
    .set({ passwordHash: to, updatedAt: now })
    .where(and(eq(users.id, id), eq(users.passwordHash, from)))
}
