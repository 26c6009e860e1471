/** Every role that an account can have. The schema, the table, the command line and the OpenAPI document follow this list. */
export const roles = ['user', 'admin'] as const
export type Role = (typeof roles)[number]

/** The roles whose rights each role has: its own and those it includes. */
const included: Record<Role, readonly Role[]> = {
  user: ['user'],
  admin: ['user', 'admin'],
}

/** Whether someone of role `role` has the rights of `asked`. */
export const hasRole = (role: Role, asked: Role): boolean => included[role].includes(asked)
