import { AsyncLocalStorage } from 'node:async_hooks'
import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Config } from '../core/config'
import { failureIn } from '../core/errors'
import type { Log } from '../core/log'
import { beginRequest, endRequest } from './request-span'
import { samplerOf } from './sampler'
import { exportTo } from './span-exporter'
import type { RunningTracing } from './start-tracing'

type Options = NonNullable<Config['tracing']> & { version: string }

// Spans beyond this queue length are dropped.
const maxQueuedSpans = 2048
const exportMilliseconds = 5000
// The delay in which spans gather into one export.
const batchDelayMilliseconds = 1000
// An unreachable collector must not delay the shutdown.
const maxFlushMilliseconds = 2000

/**
 * Traces requests with OpenTelemetry. Nothing is registered with its global API: a library that finds a tracer there could
 * put SQL and parameters into spans.
 */
export function createTracing(options: Options, log: () => Log): RunningTracing {
  const provider = providerFor(options, log)
  const tracer = provider.getTracer('fastkit', options.version)
  const current = new AsyncLocalStorage<Span>()
  const requests = new WeakMap<Request, Span>()

  return {
    follow(request, work) {
      const span = beginRequest(tracer, request)
      requests.set(request, span)
      return current.run(span, work)
    },
    async step(name, about, work) {
      const parent = current.getStore()
      if (!parent?.isRecording()) return work()
      const within = trace.setSpan(ROOT_CONTEXT, parent)
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes: about }, within)
      try {
        return await current.run(span, work)
      } catch (error) {
        span.setAttribute('error.type', kindOf(error)).setStatus({ code: SpanStatusCode.ERROR })
        throw error
      } finally {
        span.end()
      }
    },
    onResponse(info) {
      const span = requests.get(info.request)
      if (span) endRequest(span, info)
    },
    traceId: () => current.getStore()?.spanContext().traceId ?? null,
    async stop() {
      await Promise.race([provider.shutdown(), Bun.sleep(maxFlushMilliseconds)])
    },
  }
}

function providerFor({ version, serviceName, sampler, samplerRatio, ...collector }: Options, log: () => Log) {
  const service = {
    'service.name': serviceName,
    'service.version': version,
    'service.instance.id': crypto.randomUUID(),
  }
  const exporter = exportTo({ ...collector, timeoutMilliseconds: exportMilliseconds }, log)
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: maxQueuedSpans,
    scheduledDelayMillis: batchDelayMilliseconds,
    // The timeout of the exporter itself comes first.
    exportTimeoutMillis: 2 * exportMilliseconds,
  })
  return new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(service)),
    sampler: samplerOf(sampler, samplerRatio),
    spanProcessors: [processor],
  })
}

/** An error code of ours, the database or the system. Messages may quote values. */
function kindOf(error: unknown): string {
  const failure = failureIn(error)
  if (failure) return failure.code
  if (!(error instanceof Error)) return '_OTHER'
  return 'code' in error ? String(error.code) : error.name
}
