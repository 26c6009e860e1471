import { Elysia } from 'elysia'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { noteUser } from '../../http/request'
import { authenticate, type Principal } from '../sessions/service'

/** What a route asks of its caller: `true` for anyone signed in, or a role. */
type Access = true | { role: 'admin' }

/**
 * Adds the route option `auth`. The caller is known before the body is validated, so that no token means 401 even with
 * a bad body, and a missing role 403.
 */
export const guard = (deps: Deps) =>
  new Elysia({ name: 'guard' }).macro('auth', (access: Access) => ({
    async transform({ request }) {
      const token = bearerToken(request)
      if (!token) throw fail('unauthenticated')
      const principal = await authenticate(deps, token)
      noteUser(request, principal.userId)
      if (access !== true && principal.role !== access.role) throw fail('forbidden')
      admitted.set(request, principal)
    },
    resolve: ({ request }) => ({ principal: principalOf(request) }),
    // OpenAPI 3.1 takes the names of roles here.
    detail: { security: [{ bearer: access === true ? [] : [access.role] }] },
  }))

/**
 * What an `Authorization: Bearer` header holds (RFC 6750 §2.1; the scheme is case-insensitive), or `null`. Two tokens,
 * which two headers amount to, come back as one that cannot be valid.
 */
export const bearerToken = (request: Request): string | null =>
  /^bearer +(.+)$/i.exec(request.headers.get('authorization')?.trim() ?? '')?.[1] ?? null

const admitted = new WeakMap<Request, Principal>()

function principalOf(request: Request): Principal {
  const principal = admitted.get(request)
  if (!principal) throw new Error('a guarded route runs after its guard')
  return principal
}
