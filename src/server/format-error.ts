import { type ErrorCode, type Failure, type FieldError, failureIn } from '../core/errors'
import { catalogue } from '../http/error-catalogue'

// Replaces texts of the catalogue that are about requests, because a command makes none.
const sentences: Partial<Record<ErrorCode, string>> = {
  not_found: 'No account has this e-mail address.',
  database_unavailable: 'The database does not answer.',
}

/** The error message of a failed command. It contains no input values and no SQL. */
export function formatError(error: unknown): string {
  const failure = failureIn(error)
  if (failure) return `${explain(failure)} (${failure.code})`
  // See docs/workarounds.md#drizzle-error-parameters.
  if (!(error instanceof Error) || 'params' in error) return 'failed'
  return isServerError(error) ? withoutValues(error) : error.message
}

// SQLSTATE 23 (constraints) and 42 (names, permissions), except 42601: a syntax error quotes the statement.
const namesOnly = /^(23|42(?!601))/

/** Removes values from a PostgreSQL message. Class 22 (data) names the mistake first and quotes the value after it. */
function withoutValues({ code, message }: ServerError): string {
  if (namesOnly.test(code)) return message
  const kind = code.startsWith('22') ? message.replace(/[^\p{L} ].*/su, '').trim() : ''
  return `${kind || 'the database refused it'} [${code}]`
}

type ServerError = Error & { code: string }

const isServerError = (error: Error): error is ServerError =>
  'severity' in error && 'code' in error && typeof error.code === 'string'

function explain({ code, errors, cause }: Failure): string {
  if (errors.length > 0) return errors.map(explainField).join('; ')
  const sentence = sentences[code] ?? catalogue[code].meaning
  const detail = cause instanceof Error && 'code' in cause ? ` [${cause.code}]` : ''
  return code === 'database_unavailable' ? sentence + detail : sentence
}

/** Names the option of a field: `/input/display_name` is `--display-name`. */
function explainField({ pointer, message }: FieldError): string {
  const name = pointer.split('/').at(-1) ?? ''
  if (name === 'password') return `the password ${message}`
  if (name === 'display_name') return '--display-name must be 1 to 100 characters on one line'
  return `--${name.replaceAll('_', '-')} ${message}`
}
