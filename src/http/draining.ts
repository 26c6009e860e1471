import { Elysia } from 'elysia'
import { fail } from '../core/errors'
import { pathOf } from '../core/request-path'
import type { Lifecycle } from '../core/service-lifecycle'

/**
 * Refuses all requests but `probes` while the service closes, so that clients retry after the listener is closed. The hook
 * has a body in braces: see docs/workarounds.md#elysia-hook-cost.
 */
export const draining = (lifecycle: Lifecycle, probes: readonly string[]) =>
  new Elysia({ name: 'draining' }).onRequest(({ request }) => {
    if (lifecycle.isClosing && !probes.includes(pathOf(request.url))) refuse(lifecycle)
  })

function refuse(lifecycle: Lifecycle): never {
  lifecycle.countRefusal()
  throw fail('shutting_down')
}
