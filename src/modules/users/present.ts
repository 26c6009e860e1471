import type { User } from './schema'
import type { UserRow } from './table'

/** What may leave the service of a user. */
export const present = (row: Omit<UserRow, 'passwordHash' | 'emailNormalised'>): User => ({
  id: row.id,
  email: row.email,
  display_name: row.displayName,
  role: row.role,
  is_active: row.isActive,
  created_at: row.createdAt.toISOString(),
  updated_at: row.updatedAt.toISOString(),
})
