import { Elysia } from 'elysia'
import { fail } from '../../core/errors'
import type { Deps } from '../../deps'
import { bearerToken } from '../../http/bearer'
import { noteUser, onBehalf } from '../../http/request'
import { rolesAsked } from '../../http/roles'
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
    async transform({ request, params }) {
      const token = bearerToken(request)
      if (!token) throw fail('unauthenticated')
      const principal = await authenticate(deps, token)
      noteUser(request, principal.userId)
      if (!mayEnter(access, principal, params)) return refuse(deps, request, principal)
      admitted.set(request, principal)
    },
    resolve: ({ request }) => ({ principal: principalOf(request) }),
    detail: { security: [{ bearer: [] }], ...rolesAsked(rolesOf(access)) },
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

async function refuse(deps: Deps, request: Request, { sessionId }: Principal): Promise<never> {
  await audit.record(onBehalf(deps, request), { type: 'access.forbidden', sessionId })
  throw fail('forbidden')
}

const admitted = new WeakMap<Request, Principal>()

function principalOf(request: Request): Principal {
  const principal = admitted.get(request)
  if (!principal) throw new Error('a guarded route runs after its guard')
  return principal
}
