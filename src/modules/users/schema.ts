import { Type } from '@sinclair/typebox'
import { type Role, roles } from '../../core/roles'
import { Id, PageOf, pageParameters } from '../../http/pagination-schemas'
import { strict, Timestamp } from '../../http/schemas'

/** Bounds the input only. `passwordProblem` has the rules, and counts characters after NFKC. */
export const Password = Type.String({ minLength: 1, maxLength: 1024, examples: ['a quiet green lantern'] })
export const Email = Type.String({
  minLength: 1,
  maxLength: 320,
  description: 'Each address can have one account. Upper and lower case are the same.',
  examples: ['ada@example.com'],
})

/** Text without control characters. See docs/workarounds.md#typebox-pattern-flags. */
export const oneLine = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'

const DisplayName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: oneLine,
  examples: ['Ada'],
})
const MaybeDisplayName = Type.Union([DisplayName, Type.Null()])

// TypeScript cannot infer the type of a union that is made from a list.
const AnyRole = Type.Unsafe<Role>(
  Type.Union(
    roles.map((role) => Type.Literal(role)),
    { title: 'Role', description: 'Role of the account.', examples: ['user'] },
  ),
)

export const User = Type.Object(
  {
    id: Id,
    email: Type.String({ examples: ['ada@example.com'] }),
    display_name: Type.Union([Type.String(), Type.Null()], { examples: ['Ada'] }),
    role: AnyRole,
    is_active: Type.Boolean({ examples: [true] }),
    created_at: Timestamp,
    updated_at: Timestamp,
  },
  { title: 'User', description: 'An account, as its owner and admins see it.', ...strict },
)
export type User = typeof User.static

export const UserPage = PageOf(User, { title: 'UserPage' })

export const Register = Type.Object(
  { email: Email, password: Password, display_name: Type.Optional(MaybeDisplayName) },
  { title: 'Register', ...strict },
)
export type Register = typeof Register.static

/** A new e-mail address requires the current password, so that a stolen token cannot take over the account. */
export const ChangeMe = Type.Object(
  {
    display_name: Type.Optional(MaybeDisplayName),
    email: Type.Optional(Email),
    current_password: Type.Optional(Password),
  },
  { title: 'ChangeMe', minProperties: 1, ...strict },
)
export type ChangeMe = typeof ChangeMe.static

export const DeleteMe = Type.Object({ current_password: Password }, { title: 'DeleteMe', ...strict })
export type DeleteMe = typeof DeleteMe.static

export const ChangePassword = Type.Object(
  { current_password: Password, new_password: Password },
  { title: 'ChangePassword', ...strict },
)
export type ChangePassword = typeof ChangePassword.static

export const UserQuery = Type.Object(
  {
    ...pageParameters,
    email: Type.Optional(
      Type.String({
        maxLength: 254,
        pattern: oneLine,
        description: 'Only accounts whose e-mail address starts with this.',
        examples: ['ada@'],
      }),
    ),
    role: Type.Optional(AnyRole),
    is_active: Type.Optional(Type.Boolean({ description: 'Whether the account may log in.' })),
  },
  strict,
)
export type UserQuery = typeof UserQuery.static

export const NewUser = Type.Object(
  {
    email: Email,
    password: Password,
    role: Type.Optional(AnyRole),
    display_name: Type.Optional(MaybeDisplayName),
    is_active: Type.Optional(Type.Boolean()),
  },
  { title: 'NewUser', ...strict },
)
export type NewUser = typeof NewUser.static

export const ChangeUser = Type.Object(
  {
    email: Type.Optional(Email),
    display_name: Type.Optional(MaybeDisplayName),
    role: Type.Optional(AnyRole),
    is_active: Type.Optional(Type.Boolean()),
    password: Type.Optional(Password),
  },
  { title: 'ChangeUser', minProperties: 1, ...strict },
)
export type ChangeUser = typeof ChangeUser.static
