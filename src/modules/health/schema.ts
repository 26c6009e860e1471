import { Type } from '@sinclair/typebox'
import { strict } from '../../http/schemas'

const oneOf = <const A extends string, const B extends string>([good, bad]: [A, B], description: string) =>
  Type.Union([Type.Literal(good), Type.Literal(bad)], { description })

export const Liveness = Type.Object({ status: Type.Literal('ok') }, { title: 'Liveness', ...strict })

export const Readiness = Type.Object(
  {
    status: oneOf(['ok', 'unavailable'], 'Whether the instance should get requests.'),
    checks: Type.Object(
      {
        database: oneOf(
          ['ok', 'unavailable'],
          'Whether the database answers within a second. It is asked at most twice a second.',
        ),
        migrations: oneOf(['ok', 'pending'], 'Whether the database schema is the one of this version.'),
        durability: Type.Union([Type.Literal('ok'), Type.Literal('off'), Type.Literal('not_in_force')], {
          description:
            'Whether commits of the embedded database survive a power cut. It does not change the status.',
        }),
        event_loop: oneOf(
          ['ok', 'late'],
          'Whether the lag is at most 200 ms. It does not change the status: if all instances are overloaded, each one ' +
            'that leaves makes it worse for the others.',
        ),
        draining: oneOf(['ok', 'draining'], 'Whether the process is shutting down.'),
      },
      strict,
    ),
    event_loop_lag_ms: Type.Integer({
      minimum: 0,
      description: 'Longest delay of the event loop in the last second, in milliseconds.',
      examples: [1],
    }),
  },
  { title: 'Readiness', ...strict },
)
export type Readiness = typeof Readiness.static
