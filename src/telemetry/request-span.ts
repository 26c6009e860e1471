import {
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  type Tracer,
} from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { pathOf } from '../core/request-path'
import type { ResponseInfo } from '../core/response-info'

// Attribute names follow OpenTelemetry's semantic conventions for HTTP servers.

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE'])
const methodOf = (method: string) => (methods.has(method) ? method : '_OTHER')

const headers: TextMapGetter<Headers> = {
  get: (carrier, name) => carrier.get(name) ?? undefined,
  keys: (carrier) => [...carrier.keys()],
}
const propagator = new W3CTraceContextPropagator()

/** Starts the span of a request in the trace of its `traceparent`. */
export function beginRequest(tracer: Tracer, request: Request): Span {
  const parent: Context = propagator.extract(ROOT_CONTEXT, request.headers, headers)
  const method = methodOf(request.method)
  const attributes = { 'http.request.method': method }
  return tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent)
}

/**
 * Ends the span with the outcome. It carries the path only when a route matched and accepted the parameters: other paths
 * may contain personal data, such as an e-mail address in place of an id.
 */
export function endRequest(span: Span, { request, method, route, status }: ResponseInfo) {
  if (span.isRecording()) {
    const { url } = request
    span.setAttributes({ 'http.response.status_code': status, 'url.scheme': url.slice(0, url.indexOf(':')) })
    if (route !== null) {
      span.updateName(`${methodOf(method)} ${route}`)
      span.setAttribute('http.route', route)
      const path = pathOf(url)
      if (status < 400 || path === route) span.setAttribute('url.path', path)
    }
    if (status >= 500) {
      span.setAttribute('error.type', String(status))
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
  }
  span.end()
}
