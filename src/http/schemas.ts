import { Type } from '@sinclair/typebox'
import type { ErrorCode, FieldError } from '../core/errors'
import { catalogue } from './error-catalogue'

/** For an object without fields other than its own. */
export const strict = { additionalProperties: false } as const

/** No query parameters: unknown ones are rejected like unknown fields of a body. */
export const EmptyQuery = Type.Object({}, strict)

/** A point in time: RFC 3339, UTC, with milliseconds. */
export const Timestamp = Type.String({ format: 'date-time', examples: ['2026-01-31T12:00:00.000Z'] })

/** A response without a body. */
export const NoContent = Type.Void({ description: 'Done.' })

/** RFC 9457 with a stable code. */
export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference', description: 'Where the code is explained.' }),
    title: Type.String({ description: 'The code in a few words.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    code: Type.String({ description: 'What went wrong; its meaning never changes.' }),
    request_id: Type.String({ description: 'Finds the request in the log.' }),
    detail: Type.Optional(
      Type.String({ description: 'What to do instead, where the code does not say it.' }),
    ),
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

// The failures of every route, and those of every route that reads a body.
const common = ['validation_failed', 'internal', 'database_unavailable', 'shutting_down'] as const
const ofBody = ['malformed_body', 'payload_too_large', 'unsupported_media_type'] as const

/** The failures of a route by status, for its `response`. Those of every route are added. */
export function failures<C extends ErrorCode = never>(...codes: C[]): Failures<C> {
  const byStatus = Map.groupBy([...codes, ...common], (code) => catalogue[code].status)
  return withStatuses<C>(
    Object.fromEntries([...byStatus].map(([status, codes]) => [status, problemOf(codes)])),
  )
}

/** As `failures`, for a route that reads a body. */
export const bodyFailures = <C extends ErrorCode = never>(...codes: C[]): Failures<C | OfBody> =>
  failures<C | OfBody>(...ofBody, ...codes)

// `Map.groupBy` loses the type of the keys. They are the statuses of exactly these codes.
const withStatuses = <C extends ErrorCode>(byStatus: Record<string, typeof Problem>) =>
  byStatus as Failures<C>

/** The examples tell the OpenAPI document which codes there are. */
const problemOf = (codes: ErrorCode[]) => ({ ...Problem, examples: codes.map(exampleProblem) })

/** The response body for a code. */
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
