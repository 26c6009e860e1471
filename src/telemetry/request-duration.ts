import { Histogram, type Registry } from 'prom-client'
import type { OnResponse } from '../core/response-info'

const bucketSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
// Anyone may send any method to a path that does not exist.
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Counts and times requests by route pattern: a path would be a label of its own for every id in it. */
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
