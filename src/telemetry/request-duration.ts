import { Histogram, type Registry } from 'prom-client'
import type { OnResponse } from '../core/response-info'

const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
// A client may send any method, so unknown ones share one label.
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Observes requests by route pattern. Paths as labels would grow without bound. */
export function timeRequests(registry: Registry): OnResponse {
  const duration = new Histogram({
    name: 'fastkit_http_request_duration_seconds',
    help: 'Requests and the time to answer them, by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: bucketSeconds,
    registers: [registry],
  })
  return ({ method, route, status, seconds }) =>
    duration.observe(
      { method: methods.has(method) ? method : 'other', route: route ?? 'unmatched', status },
      seconds,
    )
}
