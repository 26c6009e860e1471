import { Type } from '@sinclair/typebox'
import type { ErrorCode, FieldError } from '../core/errors'
import { catalogue } from './error-catalogue'

/** For an object that takes no field but those it names. */
export const strict = { additionalProperties: false } as const

/** No field at all: unknown query parameters are refused like unknown body fields. */
export const EmptyQuery = Type.Object({}, strict)

/** A point in time: RFC 3339, UTC, with milliseconds. */
export const Timestamp = Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] })

/** An answer without a body. */
export const NoContent = Type.Void({ description: 'Done.' })

/** RFC 9457 with a stable code. */
export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'Where the code is explained.' }),
    title: Type.String({ description: 'The code in a few words.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    code: Type.String({ description: 'What went wrong; its meaning never changes.' }),
    request_id: Type.String({ description: 'Finds the request in the log.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object(
          {
            pointer: Type.String({ description: 'JSON pointer (RFC 6901); empty for the whole.' }),
            message: Type.String(),
          },
          strict,
        ),
        { description: 'What is wrong with which field, for `validation_failed` and `weak_password`.' },
      ),
    ),
  },
  { title: 'Problem', description: 'A failure (RFC 9457).', ...strict },
)
export type Problem = typeof Problem.static

type StatusOf<C extends ErrorCode> = (typeof catalogue)[C]['status']
type Failures<C extends ErrorCode> = Record<StatusOf<C | Common>, typeof Problem>
type Common = (typeof common)[number]
type OfBody = (typeof ofBody)[number]

// What every route can answer with, and what every route that reads a body can.
const common = ['validation_failed', 'internal', 'database_unavailable', 'shutting_down'] as const
const ofBody = ['malformed_body', 'payload_too_large', 'unsupported_media_type'] as const

/** The failures a route can answer with, by status, for its `response`. What every route can answer with is added. */
export function failures<C extends ErrorCode = never>(...codes: C[]): Failures<C> {
  const byStatus = Map.groupBy([...codes, ...common], (code) => catalogue[code].status)
  return complete<C>(Object.fromEntries([...byStatus].map(([status, codes]) => [status, problemOf(codes)])))
}

/** As `failures`, for a route that reads a body. */
export const bodyFailures = <C extends ErrorCode = never>(...codes: C[]): Failures<C | OfBody> =>
  failures<C | OfBody>(...ofBody, ...codes)

// Grouping loses which keys there are; they are the statuses of exactly the codes that were grouped.
const complete = <C extends ErrorCode>(byStatus: Record<string, typeof Problem>) => byStatus as Failures<C>

/** The codes ride along as examples, for the document. */
const problemOf = (codes: ErrorCode[]) => ({ ...Problem, examples: codes.map(exampleProblem) })

/** What a client is sent for a code. */
export function exampleProblem(code: ErrorCode): Problem {
  const { status, title } = catalogue[code]
  const errors = fieldErrors[code]
  return {
    type: `/docs/errors#${code}`,
    title,
    status,
    code,
    request_id: '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10',
    ...(errors && { errors }),
  }
}

const fieldErrors: Partial<Record<ErrorCode, FieldError[]>> = {
  validation_failed: [{ pointer: '/email', message: 'Expected string' }],
  weak_password: [{ pointer: '/password', message: 'is too common' }],
}
