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
 * The access that a route requires: any account, a role, or the user in the path (or a role). `ownHint` tells a refused
 * user which route does the same to the own account.
 */
type Access = true | { role: Role; ownHint?: string } | { ownerOr: Role }

/**
 * Adds the route option `auth`. The token is checked before the body is validated, so a request without a token is a 401
 * even when its body is bad. See docs/workarounds.md#elysia-hook-order.
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

/** Compares the owner with the path alone. A 403 does not tell whether the account exists, because it is not looked up. */
function isAllowed(access: Access, { userId, role }: UserActor, params: unknown): boolean {
  if (access === true || hasRole(role, 'role' in access ? access.role : access.ownerOr)) return true
  return 'ownerOr' in access && isOwn(params, userId)
}

const isOwn = (params: unknown, userId: string) => isObject(params) && params['id'] === userId

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

type Attempt = { method: string; route: string; params: unknown; access: Access }

/** Records the pattern of the route and not the path, because a path can contain anything. */
async function refuse(deps: Deps, actor: UserActor, attempt: Attempt): Promise<never> {
  const { method, route, params, access } = attempt
  const { sessionId, userId } = actor
  const targetId = targetIdOf(attempt)
  const details = { method, route }
  await audit.record(deps, actor, { type: 'access.forbidden', sessionId, targetId, details })
  const hint = access !== true && 'ownHint' in access && isOwn(params, userId) ? access.ownHint : undefined
  throw fail('forbidden', { detail: hint })
}

/** The account id in a path. The account may not exist. */
function targetIdOf({ route, params }: Attempt): string | null {
  const id = isObject(params) ? params['id'] : null
  return route.includes('/users/:id') && typeof id === 'string' && uuidPattern.test(id) ? id : null
}

const admitted = new WeakMap<Request, UserActor>()

function actorOf(request: Request): UserActor {
  const actor = admitted.get(request)
  if (!actor) throw new Error('a guarded route runs after its guard')
  return actor
}
