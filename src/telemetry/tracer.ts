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

// Spans that wait for the collector; beyond that they are dropped.
const maxWaiting = 2048
const exportMilliseconds = 5000
// How long a span waits for others to go with it.
const gatherMilliseconds = 1000
// A collector that is away must not keep the service from ending.
const farewellMilliseconds = 2000

/**
 * Follows requests by spans of OpenTelemetry. Nothing is registered with its global API: a library that finds a tracer
 * there would put what it likes into spans, SQL and parameters too.
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
      await Promise.race([provider.shutdown(), Bun.sleep(farewellMilliseconds)])
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
    maxQueueSize: maxWaiting,
    scheduledDelayMillis: gatherMilliseconds,
    // The exporter has a limit of its own, which comes first.
    exportTimeoutMillis: 2 * exportMilliseconds,
  })
  return new TracerProvider({
    resource: defaultResource().merge(resourceFromAttributes(service)),
    sampler: samplerOf(sampler, samplerRatio),
    spanProcessors: [processor],
  })
}

/** A code of ours, of the database or of the system: messages quote values. */
function kindOf(error: unknown): string {
  const failure = failureIn(error)
  if (failure) return failure.code
  if (!(error instanceof Error)) return '_OTHER'
  return 'code' in error ? String(error.code) : error.name
}
