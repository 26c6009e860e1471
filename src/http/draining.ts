import { Elysia } from 'elysia'
import { fail } from '../core/errors'
import type { Lifecycle } from '../core/lifecycle'
import { pathOf } from '../core/request-path'

/** While the service closes, it refuses all but `probes`: who waits for a second leaves the listener time to close. */
export const draining = (lifecycle: Lifecycle, probes: readonly string[]) =>
  new Elysia({ name: 'draining' }).onRequest(({ request }) => {
    if (lifecycle.isClosing && !probes.includes(pathOf(request.url))) refuse(lifecycle)
  })

function refuse(lifecycle: Lifecycle): never {
  lifecycle.refused()
  throw fail('shutting_down')
}
