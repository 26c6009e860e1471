import { Type } from '@sinclair/typebox'

const oneOf = <const A extends string, const B extends string>(good: A, bad: B) =>
  Type.Union([Type.Literal(good), Type.Literal(bad)])

export const Liveness = Type.Object(
  { status: Type.Literal('ok') },
  { title: 'Liveness', additionalProperties: false },
)

export const Readiness = Type.Object(
  {
    status: oneOf('ok', 'unavailable'),
    checks: Type.Object(
      {
        database: oneOf('ok', 'unavailable'),
        migrations: oneOf('ok', 'pending'),
        durability: Type.Union([Type.Literal('ok'), Type.Literal('off'), Type.Literal('not_in_force')]),
        draining: oneOf('ok', 'draining'),
      },
      { additionalProperties: false },
    ),
  },
  { title: 'Readiness', additionalProperties: false },
)
export type Readiness = typeof Readiness.static
