import { Type } from '@sinclair/typebox'

/** Longest input that is looked at; the rule itself counts characters after NFKC and lives in `core/password`. */
export const Password = Type.String({ minLength: 1, maxLength: 1024, examples: ['a quiet green lantern'] })
export const Email = Type.String({
  minLength: 1,
  maxLength: 320,
  description: 'One account per address; case does not matter.',
  examples: ['ada@example.com'],
})

/** Text without control characters. Spelt out: patterns run without the `u` flag, where `\P{Cc}` is no class. */
export const oneLine = '^[^\\u0000-\\u001f\\u007f-\\u009f]*$'

export const DisplayName = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: oneLine,
  examples: ['Ada'],
})

export const Role = Type.Union([Type.Literal('user'), Type.Literal('admin')], {
  title: 'Role',
  description: 'What the account may do.',
  examples: ['user'],
})
export type Role = typeof Role.static

export const User = Type.Object(
  {
    id: Type.String({ format: 'uuid', examples: ['0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'] }),
    email: Type.String({ examples: ['ada@example.com'] }),
    display_name: Type.Union([Type.String(), Type.Null()], { examples: ['Ada'] }),
    role: Role,
    is_active: Type.Boolean({ examples: [true] }),
    created_at: Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] }),
    updated_at: Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] }),
  },
  { title: 'User', description: 'An account, as its owner and admins see it.', additionalProperties: false },
)
export type User = typeof User.static
