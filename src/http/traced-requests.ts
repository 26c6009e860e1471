import { Elysia } from 'elysia'
import type { Tracing } from '../core/tracing'

/** Traces every request, with all hooks inside the span. Does nothing when tracing is off. */
export function tracedRequests(tracing: Tracing | null) {
  const plugin = new Elysia({ name: 'traced-requests' })
  if (!tracing) return plugin
  return plugin.wrap((handle) => (request: Request) => tracing.follow(request, () => handle(request)))
}
