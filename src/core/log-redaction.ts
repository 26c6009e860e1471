export type LogFields = Record<string, unknown>

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
const maxDepth = 3

/** The fields as they may be written: without the values of secret ones, and with errors reduced to what is safe. */
export const redact = (fields: LogFields): LogFields => (isSafe(fields) ? fields : redactFields(fields, 1))

/** Whether the fields can be written as they are. Those of every request can, and a copy would cost more than the line. */
function isSafe(fields: LogFields): boolean {
  for (const name in fields) if (isObject(fields[name]) || secretFields.has(name)) return false
  return true
}

function redactFields(fields: LogFields, depth: number): LogFields {
  const redacted: LogFields = {}
  for (const name of Object.keys(fields)) {
    redacted[name] = secretFields.has(name) ? '[redacted]' : serialize(name, fields[name], depth)
  }
  return redacted
}

function serialize(name: string, value: unknown, depth: number): unknown {
  if (name === 'err' || value instanceof Error) return serializeError(value)
  // Dates and the like have a JSON form of their own.
  if (!isObject(value) || 'toJSON' in value) return value
  if (depth === maxDepth) return '[too deep]'
  if (Array.isArray(value)) return value.map((item) => serialize('', item, depth + 1))
  return redactFields(value, depth + 1)
}

const isObject = (value: unknown): value is LogFields => typeof value === 'object' && value !== null

/**
 * The kind, code and place of an error. Messages of database errors quote SQL and values, those of validation errors the
 * rejected body, so only plain errors, which are ours, keep their message.
 */
function serializeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error }
  const isPlain =
    error.constructor === Error || error.constructor === TypeError || error.constructor === RangeError
  return {
    type: error.name,
    ...(isPlain && { message: error.message }),
    ...('code' in error && { code: String(error.code) }),
    ...('constraint_name' in error && { constraint: String(error.constraint_name) }),
    // A code says more than the stack of a driver; a fault of ours has only its stack.
    ...(!('code' in error) && { stack: stackFrames(error.stack) }),
    ...(error.cause !== undefined && { cause: serializeError(error.cause) }),
  }
}

const stackFrames = (stack = '') =>
  stack
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .slice(0, 12)
    .map((line) => line.trim())
