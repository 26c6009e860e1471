import type { Level } from './log-events'
import { type LogFields, redact } from './log-redaction'

export type FormatLine = (level: Level, fields: LogFields, event: string) => string

/** As pino numbers them: log viewers know these. */
export const severities = {
  trace: 10,
  debug: 20,
  info: 30,
  warn: 40,
  error: 50,
  fatal: 60,
  silent: Number.POSITIVE_INFINITY,
} as const

/** One line of JSON. The names of events need no escaping. */
export function formatJson(level: Level, fields: LogFields, event: string): string {
  const text = textOf(fields)
  const start = `{"level":${severities[level]},"time":"${timestamp(Date.now())}"`
  return `${start}${text && ','}${text},"event":"${event}"}\n`
}

const sgr = { debug: 34, info: 32, warn: 33, error: 31, fatal: 41, event: 36, fields: 90 } as const

/** One line for people: the local time, the event, and its fields as JSON. */
export function prettyFormat(hasColors: boolean): FormatLine {
  const paint = (color: keyof typeof sgr, text: string) =>
    hasColors && text ? `\x1b[${sgr[color]}m${text}\x1b[0m` : text
  return (level, fields, event) => {
    const text = textOf(fields)
    const label = paint(level, level.toUpperCase())
    return `[${localTime()}] ${label}: ${paint('event', event)}${paint('fields', text && ` {${text}}`)}\n`
  }
}

/** The members of a JSON object, without its braces. */
const textOf = (fields: LogFields) => JSON.stringify(redact(fields)).slice(1, -1)

let latest = { milliseconds: 0, text: '' }

/** RFC 3339. A busy service writes many lines in one millisecond. */
function timestamp(milliseconds: number): string {
  if (milliseconds !== latest.milliseconds)
    latest = { milliseconds, text: new Date(milliseconds).toISOString() }
  return latest.text
}

function localTime(): string {
  const now = new Date()
  return `${now.toTimeString().slice(0, 8)}.${String(now.getMilliseconds()).padStart(3, '0')}`
}
