import { type ExportResult, ExportResultCode, parseKeyPairsIntoRecord } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import type { Log } from '../core/log'

type Collector = {
  endpoint: string
  /** `name=value`, the value percent-encoded. */
  headers: string[]
  timeoutMilliseconds: number
}

/** Sends spans to a collector, as OTLP over HTTP. One that is away costs the spans and two log lines: lost, and back. */
export function exportTo(
  { endpoint, headers, timeoutMilliseconds }: Collector,
  log: () => Log,
): SpanExporter {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    headers: parseKeyPairsIntoRecord(headers.join()),
    timeoutMillis: timeoutMilliseconds,
  })
  let lost = 0

  function note(spans: number, { code, error }: ExportResult) {
    const isSent = code === ExportResultCode.SUCCESS
    if (isSent && lost > 0) log().info({ lostSpans: lost }, 'tracing.export_resumed')
    if (!isSent && lost === 0) log().warn({ reason: reasonOf(error) }, 'tracing.export_failed')
    lost = isSent ? 0 : lost + spans
  }
  return {
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, (result) => {
        note(spans.length, result)
        // Told here: the library would tell of each one.
        done({ code: ExportResultCode.SUCCESS })
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}

/** A status or a code of the system; a message might quote what the collector answered. */
function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null
  return code === null || code === undefined ? 'no answer' : String(code)
}
