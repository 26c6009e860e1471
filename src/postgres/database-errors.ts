import { fail, failureIn } from '../core/errors'

// Codes of the driver and the system for a server that cannot be reached or closed the connection.
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

// SQLSTATE classes of a temporary failure: connection, resources, limits, read-only, access, shutdown, disk.
const unavailableStates = /^(08|53|57|58|28|25006|3D000|40001|40P01|55000|55P03)/
// The subset that ends a connection or prevents one. With severity ERROR they are errors of one statement instead.
const lostStates = /^(08|28|3D000|55000|57P0)/

/** Maps an outage to `database_unavailable`. Returns every other error unchanged. */
export function translate(error: unknown): unknown {
  if (failureIn(error)) return error
  const cause = causes(error).find((cause) => {
    const code = codeOf(cause)
    return code !== null && (connectionCodes.has(code) || unavailableStates.test(code))
  })
  return cause ? fail('database_unavailable', { cause }) : error
}

/** The state of the connection after an error: lost, read-only, or `null` when the error does not affect it. */
export function connectionFault(error: unknown): 'lost' | 'read_only' | null {
  const reported = causes(error).filter(isOfDriver)
  if (reported.some((cause) => codeOf(cause) === '25006')) return 'read_only'
  return reported.some(saysLost) ? 'lost' : null
}

/** True when the server has no room for another connection. The open ones are not affected. */
export const isConnectionRefused = (error: unknown) =>
  causes(error).some(
    (cause) => codeOf(cause) === '53300' && 'severity' in cause && cause.severity !== 'ERROR',
  )

function saysLost(error: Error): boolean {
  const code = codeOf(error)
  if (code === null) return false
  const isOfStatement = 'severity' in error && error.severity === 'ERROR'
  return connectionCodes.has(code) || (lostStates.test(code) && !isOfStatement)
}

/**
 * True for errors of the driver, which adds the query to them. Work inside a transaction may throw an ENOENT or
 * ECONNREFUSED of its own, and such an error must not replace a healthy connection.
 */
const isOfDriver = (error: Error) => 'query' in error || /^CONNECT(ION)?_/.test(codeOf(error) ?? '')

/** True when `error` is a violation of the named unique constraint. */
export const isDuplicate = (error: unknown, constraint: string) => violates(error, '23505', constraint)

/** True when `error` is a violation of the named foreign key: the referenced row is gone. */
export const isMissingReference = (error: unknown, constraint: string) => violates(error, '23503', constraint)

/** True when `error` says that a lock was not to be had: the wait was too long, or would have been a deadlock. */
export const isLockConflict = (error: unknown) =>
  causes(error).some((cause) => ['55P03', '40P01'].includes(codeOf(cause) ?? ''))

const violates = (error: unknown, state: string, constraint: string) =>
  causes(error).some(
    (cause) => codeOf(cause) === state && 'constraint_name' in cause && cause.constraint_name === constraint,
  )

/** Drizzle wraps the error of the driver. See docs/workarounds.md#drizzle-error-parameters. */
function causes(error: unknown): Error[] {
  const found: Error[] = []
  for (let at = error; at instanceof Error && found.length < 8; at = at.cause) found.push(at)
  return found
}

const codeOf = (error: unknown) =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
