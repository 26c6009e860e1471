import { writeSync } from 'node:fs'
import pino, { type DestinationStream, type Logger } from 'pino'

export type Log = Logger
export type LogOptions = { level: string; format: 'json' | 'pretty'; destination?: DestinationStream }

// Last line of defence: nothing of ours logs these, but a library's error object might.
const secretFields: ReadonlySet<string> = new Set([
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
])
const deepest = 3

/** Structured log: one line an event, an event name and fields. JSON goes out in one write a turn of the event loop. */
export async function createLog({ level, format, destination }: LogOptions): Promise<Log> {
  const options = {
    level,
    base: null,
    formatters: { log: (fields: object) => withoutSecrets(fields, 1) },
    // Pino would present what is presented already.
    serializers: { err: (presented: object) => presented },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'event',
  }
  if (destination) return pino(options, destination)
  if (format === 'json') return pino(options, standardOutput())
  const { default: pretty } = await import('pino-pretty')
  return pino(options, pretty({ messageKey: 'event', sync: true }))
}

/** A write for each line would cost a busy service a sixth of its time. Nothing stays behind at a normal end. */
function standardOutput() {
  let lines = ''
  const flush = () => {
    const text = lines
    lines = ''
    writeAll(Buffer.from(text))
  }
  process.on('exit', flush)
  return {
    write(line: string) {
      if (lines === '') setImmediate(flush)
      lines += line
    },
    /** For pino, which calls it after a fatal line. */
    flushSync: flush,
  }
}

/** A reader that is slower than we are is waited for: a service that cannot log should not go on unseen. */
function writeAll(bytes: Uint8Array) {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(1, bytes, written)
    } catch (error) {
      const isFull = error instanceof Error && 'code' in error && error.code === 'EAGAIN'
      // Nobody reads any more: there is nowhere to say so.
      if (!isFull) return
      Bun.sleepSync(1)
    }
  }
}

/** Pino's own redaction goes by paths and costs more than all the rest of a request: a walk over the fields does not. */
function withoutSecrets(fields: object, depth: number): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    kept[name] = secretFields.has(name) ? '[redacted]' : presentable(name, value, depth)
  }
  return kept
}

function presentable(name: string, value: unknown, depth: number): unknown {
  if (name === 'err' || value instanceof Error) return presentError(value)
  // Dates and the like know how to be written.
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value
  if (depth === deepest) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => presentable('', item, depth + 1))
  return withoutSecrets(value, depth + 1)
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
