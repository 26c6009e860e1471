import { isatty } from 'node:tty'
import type { BareEvent, EventAt, FieldsOf, Level } from './log-events'
import { type FormatLine, formatJson, prettyFormat, severities } from './log-format'
import type { LogFields } from './log-redaction'
import { standardOutput } from './stdout'

/** Structured log: one line an event. A wrong level, an unknown event or an unlisted field does not compile. */
export type Log = { readonly [L in Level]: Write<L> }

type Write<L extends Level> = {
  <E extends Exclude<EventAt<L>, BareEvent>>(fields: FieldsOf<E>, event: E): void
  (event: EventAt<L> & BareEvent): void
}

export type LogDestination = {
  write(line: string): void
  flushSync?(): void
}

type LogOptions = {
  /** The least severe level that is written. */
  level: keyof typeof severities
  format: 'json' | 'pretty'
  /** Takes lines of JSON in place of standard output. */
  destination?: LogDestination | undefined
  /** The trace that a line belongs to, if there is one. */
  traceId?: TraceId | undefined
}
type TraceId = () => string | null

/** Writes to standard output, every few milliseconds in one write; see `stdout`. */
export function createLog({ level, format, destination, traceId }: LogOptions): Log {
  const formatLine = format === 'json' || destination ? formatJson : prettyFormat(hasColors())
  const output: LogDestination =
    destination ?? standardOutput((lines) => formatLine('warn', { lines }, 'log.dropped'))
  const formatTraced = traceId ? withTraceId(formatLine, traceId) : formatLine

  function writerAt(name: Level) {
    if (severities[name] < severities[level]) return ignore
    return (first: LogFields | string, event = '') => {
      output.write(
        typeof first === 'string' ? formatTraced(name, {}, first) : formatTraced(name, first, event),
      )
      // The process may end right after it.
      if (name === 'fatal') output.flushSync?.()
    }
  }
  return {
    debug: writerAt('debug'),
    info: writerAt('info'),
    warn: writerAt('warn'),
    error: writerAt('error'),
    fatal: writerAt('fatal'),
  }
}

const ignore = () => undefined

const withTraceId =
  (formatLine: FormatLine, traceId: TraceId): FormatLine =>
  (level, fields, event) => {
    const id = traceId()
    return formatLine(level, id === null ? fields : { ...fields, trace_id: id }, event)
  }

// Bun honours NO_COLOR, but counts a terminal at standard error too.
const hasColors = () => Bun.enableANSIColors && isatty(1)
