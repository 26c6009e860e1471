import { Elysia } from 'elysia'
import { fail } from '../core/errors'
import type { Lifecycle } from '../deps'

/**
 * While the service drains, every answer ends its connection, so that what the client asks next goes to another
 * instance. While it closes, it refuses all but `probes`: who waits for a second leaves the listener time to close.
 */
export const draining = (lifecycle: Lifecycle, probes: string[]) =>
  new Elysia({ name: 'draining' })
    .onRequest(({ request }) => {
      if (lifecycle.isClosing && !probes.includes(new URL(request.url).pathname)) refuse(lifecycle)
    })
    .mapResponse({ as: 'global' }, ({ set }) => {
      if (lifecycle.isDraining) set.headers['connection'] = 'close'
    })
    // What fails before it has a route does not come by the other hook.
    .onError({ as: 'global' }, ({ set }) => {
      if (lifecycle.isDraining) set.headers['connection'] = 'close'
    })

function refuse(lifecycle: Lifecycle): never {
  lifecycle.refusedAt = performance.now()
  throw fail('shutting_down')
}
