import { Elysia } from 'elysia'
import type { Tracing } from '../core/tracing'

/** Follows every request from its first byte on; nothing when nobody collects traces. */
export function traces(tracing: Tracing | null) {
  const plugin = new Elysia({ name: 'traces' })
  if (!tracing) return plugin
  return plugin.wrap((handle) => (request: Request) => tracing.follow(request, () => handle(request)))
}
