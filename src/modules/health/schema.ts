import { Type } from '@sinclair/typebox'
import { strict } from '../../http/schemas'

const oneOf = <const A extends string, const B extends string>([good, bad]: [A, B], description: string) =>
  Type.Union([Type.Literal(good), Type.Literal(bad)], { description })

export const Liveness = Type.Object({ status: Type.Literal('ok') }, { title: 'Liveness', ...strict })

export const Readiness = Type.Object(
  {
    status: oneOf(['ok', 'unavailable'], 'Whether to send requests here.'),
    checks: Type.Object(
      {
        database: oneOf(
          ['ok', 'unavailable'],
          'Whether the database answers within a second; asked at most twice a second.',
        ),
        migrations: oneOf(['ok', 'pending'], 'Whether the schema is that of this version.'),
        durability: Type.Union([Type.Literal('ok'), Type.Literal('off'), Type.Literal('not_in_force')], {
          description: 'Whether a commit of the embedded database outlives a power cut. It does not decide.',
        }),
        event_loop: oneOf(
          ['ok', 'late'],
          'Whether the lag is 200 ms or less. It does not decide: under an overload of all instances, each that ' +
            'leaves makes it worse for the others.',
        ),
        draining: oneOf(['ok', 'draining'], 'Whether the process was asked to end.'),
      },
      strict,
    ),
    event_loop_lag_ms: Type.Integer({
      minimum: 0,
      description: 'Longest wait of the last second for a turn of the event loop, in milliseconds.',
      examples: [1],
    }),
  },
  { title: 'Readiness', ...strict },
)
export type Readiness = typeof Readiness.static
