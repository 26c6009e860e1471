import type { User } from './schema'
import type { UserRow } from './table'

type Row = Omit<UserRow, 'passwordHash' | 'emailNormalised'>

/** The public fields of a user. */
export function present(row: Row): User {
  const cached = cache.get(row)
  if (cached) return cached
  const user = build(row)
  cache.set(row, user)
  return user
}

// The liveness cache returns the same row many times, and formatting its dates is most of the work.
const cache = new WeakMap<Row, User>()

const build = (row: Row): User => ({
  id: row.id,
  email: row.email,
  display_name: row.displayName,
  role: row.role,
  is_active: row.isActive,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
