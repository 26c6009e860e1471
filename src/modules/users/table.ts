import { sql } from 'drizzle-orm'
import { boolean, check, index, pgTable, text, unique } from 'drizzle-orm/pg-core'
import { roles } from '../../core/roles'
import { id, moment } from '../../postgres/columns'

// A migration takes no parameters, so the values are part of the statement.
const allRoles = sql.raw(roles.map((role) => `'${role}'`).join(', '))

export const users = pgTable(
  'users',
  {
    id: id(),
    email: text('email').notNull(),
    emailNormalised: text('email_normalised').notNull(),
    passwordHash: text('password_hash').notNull(),
    displayName: text('display_name'),
    role: text('role', { enum: roles }).notNull(),
    isActive: boolean('is_active').notNull(),
    createdAt: moment('created_at').notNull(),
    updatedAt: moment('updated_at').notNull(),
  },
  (table) => [
    unique('users_email_normalised_key').on(table.emailNormalised),
    index('users_email_prefix_idx').on(table.emailNormalised.op('text_pattern_ops')),
    index('users_active_admins_idx').on(table.id).where(sql`role = 'admin' and is_active`),
    check('users_role_check', sql`${table.role} in (${allRoles})`),
  ],
)

export type UserRow = typeof users.$inferSelect
