import type { User } from './schema'
import type { UserRow } from './table'

type Row = Omit<UserRow, 'passwordHash' | 'emailNormalised'>

/** What may leave the service of a user. */
export function present(row: Row): User {
  const known = presented.get(row)
  if (known) return known
  const user = build(row)
  presented.set(row, user)
  return user
}

// A row that is remembered is presented again and again, and writing its dates is most of that.
const presented = new WeakMap<Row, User>()

const build = (row: Row): User => ({
  id: row.id,
  email: row.email,
  display_name: row.displayName,
  role: row.role,
  is_active: row.isActive,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
