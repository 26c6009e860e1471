import { Elysia } from 'elysia'
import type { UserActor } from '../../core/actor'
import { uuidPattern } from '../../core/crypto'
import { fail } from '../../core/errors'
import { hasRole, type Role } from '../../core/roles'
import type { Deps } from '../../deps'
import { bearerToken } from '../../http/bearer-token'
import { noteUser, originOf } from '../../http/request-context'
import { setRouteOptions } from '../../http/route-options'
import * as audit from '../audit/service'
import { authenticate } from '../sessions/service'

/**
 * What a route asks of its caller: any account, an admin, or the user that the path names (or an admin). `ownHint` tells
 * a refused user where to do the same to the own account.
 */
type Access = true | { role: Role; ownHint?: string } | { ownerOr: Role }

/**
 * Adds the route option `auth`. The caller is known before the body is validated, so that no token means 401 even with
 * a bad body, and a missing right 403.
 */
export const guard = (deps: Deps) =>
  new Elysia({ name: 'guard' }).macro('auth', (access: Access) => ({
    async transform({ request, route, params }) {
      const token = bearerToken(request)
      if (!token) throw fail('unauthenticated')
      const actor = await authenticate(deps, originOf(request), token)
      noteUser(request, actor.userId)
      if (!isAllowed(access, actor, params))
        return refuse(deps, actor, { method: request.method, route, params, access })
      admitted.set(request, actor)
    },
    resolve: ({ request }) => ({ actor: actorOf(request) }),
    detail: { security: [{ bearer: [] }] },
    ...setRouteOptions({ roles: rolesOf(access) }),
  }))

function rolesOf(access: Access): string[] {
  if (access === true) return []
  return 'role' in access ? [access.role] : ['owner', access.ownerOr]
}

/** An owner is compared by the path alone: what lies there is not looked up, so the answer does not tell whether it exists. */
function isAllowed(access: Access, { userId, role }: UserActor, params: unknown): boolean {
  if (access === true || hasRole(role, 'role' in access ? access.role : access.ownerOr)) return true
  return 'ownerOr' in access && isOwn(params, userId)
}

const isOwn = (params: unknown, userId: string) => isObject(params) && params['id'] === userId

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

type Attempt = { method: string; route: string; params: unknown; access: Access }

/** What was tried is kept by the route's pattern: a path can hold anything. */
async function refuse(deps: Deps, actor: UserActor, attempt: Attempt): Promise<never> {
  const { method, route, params, access } = attempt
  const { sessionId, userId } = actor
  const targetId = accountAt(attempt)
  const details = { method, route }
  await audit.record(deps, actor, { type: 'access.forbidden', sessionId, targetId, details })
  const hint = access !== true && 'ownHint' in access && isOwn(params, userId) ? access.ownHint : undefined
  throw fail('forbidden', { detail: hint })
}

/** The account that a path names, whether it exists or not. */
function accountAt({ route, params }: Attempt): string | null {
  const id = isObject(params) ? params['id'] : null
  return route.includes('/users/:id') && typeof id === 'string' && uuidPattern.test(id) ? id : null
}

const admitted = new WeakMap<Request, UserActor>()

function actorOf(request: Request): UserActor {
  const actor = admitted.get(request)
  if (!actor) throw new Error('a guarded route runs after its guard')
  return actor
}
