import pino, { type DestinationStream, type Logger } from 'pino'
import { standardOutput } from './stdout'

export type Log = Logger
export type LogOptions = {
  level: string
  format: 'json' | 'pretty'
  destination?: DestinationStream
  traceId?: TraceId | undefined
}
/** The trace in whose course a line is written, if there is one. */
type TraceId = () => string | null

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

type Fields = Record<string, unknown>

/** Structured log: one line an event, an event name and fields. Lines go out every few milliseconds, in one write. */
export async function createLog({ level, format, destination, traceId }: LogOptions): Promise<Log> {
  const options = {
    level,
    base: null,
    messageKey: 'event',
    // Written by `lineOf`.
    timestamp: false,
  }
  if (destination) return withOwnLines(pino(options, destination), traceId)
  if (format === 'json') return withOwnLines(pino(options, standardOutput(gap)), traceId)
  const { prettyFactory } = await import('pino-pretty')
  // An error is a field like others: treated as one, it would take a line for every place of its stack.
  const pretty = prettyFactory({ messageKey: 'event', singleLine: true, errorLikeObjectKeys: [] })
  const output = standardOutput((lines) => pretty(gap(lines)))
  const prettyOutput = { ...output, write: (line: string) => output.write(pretty(line)) }
  return withOwnLines(pino(options, prettyOutput), traceId)
}

/** Stands where lines are missing that nobody was there to read in time. */
const gap = (lines: number): string => lineOf({ lines }, 'log.dropped', pino.levels.values['warn'] ?? 0)

/** Pino's own line costs several times this one: under Bun, each goes through a diagnostics channel. */
const withOwnLines = (log: Log, traceId?: TraceId): Log =>
  Object.assign(log, { [pino.symbols.asJsonSym]: traceId ? linesWithin(traceId) : lineOf })

const linesWithin =
  (traceId: TraceId): typeof lineOf =>
  (fields, event, level) => {
    const id = traceId()
    return lineOf(id === null ? fields : { ...fields, trace_id: id }, event, level)
  }

function lineOf(fields: Fields, event: string | undefined, level: number): string {
  const told = JSON.stringify(isPlain(fields) ? fields : copyWithoutSecrets(fields, 1)).slice(1, -1)
  const start = `{"level":${level},"time":"${timestamp(Date.now())}"`
  return `${start}${told && ','}${told},"event":${JSON.stringify(event ?? null)}}\n`
}

/** Whether nothing of it has to be left out or told in another form, as of every request. */
function isPlain(fields: Fields): boolean {
  for (const name in fields) if (isObject(fields[name]) || secretFields.has(name)) return false
  return true
}

let last = { milliseconds: 0, text: '' }

/** RFC 3339. A busy service writes many lines in one millisecond. */
function timestamp(milliseconds: number): string {
  if (milliseconds !== last.milliseconds) last = { milliseconds, text: new Date(milliseconds).toISOString() }
  return last.text
}

/** Pino's own redaction goes by paths and costs more than all the rest of a request: a walk over the fields does not. */
function copyWithoutSecrets(fields: Fields, depth: number, kept: Fields = {}): Fields {
  for (const name of Object.keys(fields)) {
    kept[name] = secretFields.has(name) ? '[redacted]' : presentable(name, fields[name], depth)
  }
  return kept
}

function presentable(name: string, value: unknown, depth: number): unknown {
  if (name === 'err' || value instanceof Error) return presentError(value)
  // Dates and the like know how to be written.
  if (!isObject(value) || 'toJSON' in value) return value
  if (depth === deepest) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => presentable('', item, depth + 1))
  return copyWithoutSecrets(value, depth + 1)
}

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null

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
