import { fail, failureIn } from '../core/errors'

// The driver reports these when there is no server, or none any more.
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
// Those of them that end the connection, or keep one from being made, unless they are plain errors of a statement.
const lostStates = /^(08|28|3D000|53300|55000|57P0)/

/** Turns "the database cannot answer now" into that failure; gives every other error back as it is. */
export function translate(error: unknown): unknown {
  if (failureIn(error)) return error
  const cause = causes(error).find((cause) => {
    const code = codeOf(cause)
    return code !== null && (connectionCodes.has(code) || unavailableStates.test(code))
  })
  return cause ? fail('database_unavailable', { cause }) : error
}

/** The state of the connection that an error came on: lost, or only able to read; `null` when it is unaffected. */
export function connectionFault(error: unknown): 'lost' | 'read_only' | null {
  const reported = causes(error).filter(isOfDriver)
  if (reported.some((cause) => codeOf(cause) === '25006')) return 'read_only'
  return reported.some(saysLost) ? 'lost' : null
}

function saysLost(error: Error): boolean {
  const code = codeOf(error)
  if (code === null) return false
  const isOfStatement = 'severity' in error && error.severity === 'ERROR'
  return connectionCodes.has(code) || (lostStates.test(code) && !isOfStatement)
}

/**
 * A transaction may also fail with what else is done in it: a file that is not there, a host that refuses. To take that for
 * the end of the connection would keep it, and on the embedded database there is no other. The driver adds the query.
 */
const isOfDriver = (error: Error) => 'query' in error || /^CONNECT(ION)?_/.test(codeOf(error) ?? '')

/** True when `error` is a duplicate under the unique constraint of that name. */
export const isDuplicate = (error: unknown, constraint: string) => violates(error, '23505', constraint)

/** True when `error` says that the row a foreign key points to is gone. */
export const isMissingReference = (error: unknown, constraint: string) => violates(error, '23503', constraint)

/** True when `error` says that a lock was not to be had: the wait was too long, or would have been a deadlock. */
export const isLockConflict = (error: unknown) =>
  causes(error).some((cause) => ['55P03', '40P01'].includes(codeOf(cause) ?? ''))

const violates = (error: unknown, state: string, constraint: string) =>
  causes(error).some(
    (cause) => codeOf(cause) === state && 'constraint_name' in cause && cause.constraint_name === constraint,
  )

/** Drizzle wraps the driver's error, inside a transaction too, in one whose message holds SQL and parameters. */
function causes(error: unknown): Error[] {
  const found: Error[] = []
  for (let at = error; at instanceof Error && found.length < 8; at = at.cause) found.push(at)
  return found
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
