import { type ErrorCode, type Failure, type FieldError, failureIn } from '../core/errors'
import { catalogue } from '../http/error-catalogue'

// Where the catalogue speaks of requests, a command is told in its own terms.
const sentences: Partial<Record<ErrorCode, string>> = {
  not_found: 'No account has this e-mail address.',
  database_unavailable: 'The database does not answer.',
}

/** What a person is told of a failed command. Never a value that was given, and no SQL. */
export function formatError(error: unknown): string {
  const failure = failureIn(error)
  if (failure) return `${explain(failure)} (${failure.code})`
  // Drizzle's errors quote the statement with its parameters, hashes among them.
  if (!(error instanceof Error) || 'params' in error) return 'failed'
  return isOfServer(error) ? saidByServer(error) : error.message
}

// Broken constraints, and what is not there, is there already or not allowed; a syntax error quotes the statement.
const namesOnly = /^(23|42(?!601))/

/** Most of what PostgreSQL says may quote a value of a row; of bad data (class 22) it does so after the kind of mistake. */
function saidByServer({ code, message }: OfServer): string {
  if (namesOnly.test(code)) return message
  const kind = code.startsWith('22') ? message.replace(/[^\p{L} ].*/su, '').trim() : ''
  return `${kind || 'the database refused it'} [${code}]`
}

type OfServer = Error & { code: string }

const isOfServer = (error: Error): error is OfServer =>
  'severity' in error && 'code' in error && typeof error.code === 'string'

function explain({ code, errors, cause }: Failure): string {
  if (errors.length > 0) return errors.map(explainField).join('; ')
  const sentence = sentences[code] ?? catalogue[code].meaning
  const detail = cause instanceof Error && 'code' in cause ? ` [${cause.code}]` : ''
  return code === 'database_unavailable' ? sentence + detail : sentence
}

/** The option that a field was given by: `/input/display_name` is `--display-name`. */
function explainField({ pointer, message }: FieldError): string {
  const name = pointer.split('/').at(-1) ?? ''
  if (name === 'password') return `the password ${message}`
  if (name === 'display_name') return '--display-name must be 1 to 100 characters on one line'
  return `--${name.replaceAll('_', '-')} ${message}`
}
