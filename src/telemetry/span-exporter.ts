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

/** Exports spans as OTLP over HTTP. An unreachable collector costs the spans and two log lines: lost, and resumed. */
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

  function logOutcome(spans: number, { code, error }: ExportResult) {
    const isSent = code === ExportResultCode.SUCCESS
    if (isSent && lost > 0) log().info({ lostSpans: lost }, 'tracing.export_resumed')
    if (!isSent && lost === 0) log().warn({ reason: reasonOf(error) }, 'tracing.export_failed')
    lost = isSent ? 0 : lost + spans
  }
  return {
    export: (spans: ReadableSpan[], done) =>
      exporter.export(spans, (result) => {
        logOutcome(spans.length, result)
        // The failure is logged above. The library would log each one.
        done({ code: ExportResultCode.SUCCESS })
      }),
    forceFlush: () => exporter.forceFlush(),
    shutdown: () => exporter.shutdown(),
  }
}

/** An HTTP status or system code. The message might quote the response of the collector. */
function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null
  return code === null || code === undefined ? 'no answer' : String(code)
}
