import pino, { type DestinationStream, type Logger } from 'pino'

export type Log = Logger
export type LogOptions = { level: string; format: 'json' | 'pretty'; destination?: DestinationStream }

// Last line of defence: nothing of ours logs these, but a library's error object might.
const secretFields = [
  'password',
  'current_password',
  'new_password',
  'access_token',
  'refresh_token',
  'token',
  'secret',
  'authorization',
  'email',
  'hash',
  'parameters',
  'params',
  'query',
  'args',
  'detail',
]
const redacted = secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])

/** Structured log: one line an event, an event name and fields. JSON goes out in one write per line. */
export async function createLog({ level, format, destination }: LogOptions): Promise<Log> {
  const options = {
    level,
    base: null,
    redact: { paths: redacted, censor: '[redacted]' },
    serializers: { err: presentError },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'event',
  }
  if (destination) return pino(options, destination)
  if (format === 'json') return pino(options, pino.destination({ dest: 1, sync: true }))
  const { default: pretty } = await import('pino-pretty')
  return pino(options, pretty({ messageKey: 'event', sync: true }))
}

/**
 * What a log may say of an error: its kind, code and place. Messages of database errors quote SQL and values,
 * those of validation errors the rejected body, so only our own plain errors keep theirs.
 */
function presentError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const isPlain =
    error.constructor === Error || error.constructor === TypeError || error.constructor === RangeError
  return {
    type: error.name,
    ...(isPlain && { message: error.message }),
    ...('code' in error && { code: String(error.code) }),
    ...('constraint_name' in error && { constraint: String(error.constraint_name) }),
    // A code says more than the insides of a driver; our own faults have only their place.
    ...(!('code' in error) && { stack: places(error.stack) }),
    ...(error.cause !== undefined && { cause: presentError(error.cause) }),
  }
}

const places = (stack = '') =>
  stack
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .slice(0, 12)
    .map((line) => line.trim())
