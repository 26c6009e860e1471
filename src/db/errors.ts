import { fail } from '../core/errors'

// What the driver reports when there is no server, or none any more.
const connectionCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOTFOUND',
  'ENOENT',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'FailedToOpenSocket',
  'ERR_SOCKET_CLOSED',
])

// SQLSTATE of a server that cannot do it now: connection, resources, limits, read-only, closed to us, shutdown, disk.
const unavailableStates = /^(08|53|57|58|28|25006|3D000|40001|40P01|55000|55P03)/

/** Turns "the database cannot answer now" into that failure; gives every other error back as it is. */
export function translate(error: unknown): unknown {
  const code = codeOf(error)
  const isUnavailable = code !== null && (connectionCodes.has(code) || unavailableStates.test(code))
  return isUnavailable ? fail('database_unavailable', { cause: error }) : error
}

/** True when `error` is a duplicate under the unique constraint of that name. */
export const isDuplicate = (error: unknown, constraint: string) => violates(error, '23505', constraint)

/** True when `error` says that the row a foreign key points to is gone. */
export const isMissingReference = (error: unknown, constraint: string) => violates(error, '23503', constraint)

/** Drizzle wraps the driver's error in one whose message holds SQL and parameters; only the cause is looked at. */
function violates(error: unknown, state: string, constraint: string) {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (codeOf(at) === state && 'constraint_name' in at && at.constraint_name === constraint) return true
  }
  return false
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
