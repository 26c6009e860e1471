import { Elysia } from 'elysia'
import { uuidPattern } from '../../core/crypto'
import { fail } from '../../core/errors'
import type { Acting, Deps } from '../../deps'
import { bearerToken } from '../../http/bearer-token'
import { noteUser, onBehalf } from '../../http/request-context'
import { setRouteOptions } from '../../http/route-options'
import * as audit from '../audit/service'
import { authenticate, type Principal } from '../sessions/service'

/** What a route asks of its caller: any account, an admin, or the user that the path names (or an admin). */
type Access = true | { role: 'admin' } | { ownerOr: 'admin' }

/**
 * Adds the route option `auth`. The caller is known before the body is validated, so that no token means 401 even with
 * a bad body, and a missing right 403.
 */
export const guard = (deps: Deps) =>
  new Elysia({ name: 'guard' }).macro('auth', (access: Access) => ({
    async transform({ request, route, params }) {
      const token = bearerToken(request)
      if (!token) throw fail('unauthenticated')
      const principal = await authenticate(deps, token)
      noteUser(request, principal.userId)
      if (!mayEnter(access, principal, params))
        return refuse(onBehalf(deps, request), principal, { method: request.method, route, params })
      admitted.set(request, principal)
    },
    resolve: ({ request }) => ({ principal: principalOf(request) }),
    detail: { security: [{ bearer: [] }] },
    ...setRouteOptions({ roles: rolesOf(access) }),
  }))

function rolesOf(access: Access): string[] {
  if (access === true) return []
  return 'role' in access ? [access.role] : ['owner', access.ownerOr]
}

/** An owner is compared by the path alone: what lies there is not looked up, so the answer does not tell whether it exists. */
function mayEnter(access: Access, { userId, role }: Principal, params: unknown): boolean {
  if (access === true || role === 'admin') return true
  return 'ownerOr' in access && isObject(params) && params['id'] === userId
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

type Attempt = { method: string; route: string; params: unknown }

/** What was tried is kept by the route's pattern: a path can hold anything. */
async function refuse(deps: Acting, { sessionId }: Principal, attempt: Attempt): Promise<never> {
  const { method, route } = attempt
  const targetId = accountAt(attempt)
  await audit.record(deps, { type: 'access.forbidden', sessionId, targetId, details: { method, route } })
  throw fail('forbidden')
}

/** The account that a path names, whether it exists or not. */
function accountAt({ route, params }: Attempt): string | null {
  const id = isObject(params) ? params['id'] : null
  return route.includes('/users/:id') && typeof id === 'string' && uuidPattern.test(id) ? id : null
}

const admitted = new WeakMap<Request, Principal>()

function principalOf(request: Request): Principal {
  const principal = admitted.get(request)
  if (!principal) throw new Error('a guarded route runs after its guard')
  return principal
}
