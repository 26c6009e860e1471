const extension = 'x-roles'

/** For a route's `detail`: whom it admits beyond being signed in. Readers of the document see it too. */
export const rolesAsked = (roles: string[]) => (roles.length > 0 ? { [extension]: roles } : {})

/** Whether a route asks more of its caller than an account. */
export const asksRole = (detail: object | undefined): boolean => detail !== undefined && extension in detail
