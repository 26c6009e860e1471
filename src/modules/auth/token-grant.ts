import type { Actor } from '../../core/actor'
import { type FieldError, fail, type OAuthError } from '../../core/errors'
import type { Deps } from '../../deps'
import { refresh } from '../sessions/refresh'
import type { TokenPair } from '../sessions/schema'
import type { TokenRequest } from './schema'
import { login } from './service'

type Grant = (deps: Deps, actor: Actor, request: TokenRequest) => Promise<TokenPair>

/** The supported grants, by RFC 6749 §4.3 and §6. */
const grants = new Map<string, Grant>([
  [
    'password',
    (deps, actor, { username, password }) =>
      login(deps, actor, { email: required({ username }), password: required({ password }) }),
  ],
  ['refresh_token', (deps, actor, { refresh_token }) => refresh(deps, actor, required({ refresh_token }))],
])

/**
 * Handles a token request. Throws `validation_failed`, `invalid_credentials`, `invalid_refresh_token`,
 * `refresh_token_reused`, `rate_limited`, `overloaded`.
 */
export async function grant(deps: Deps, actor: Actor, request: TokenRequest): Promise<TokenPair> {
  const handle = grants.get(request.grant_type)
  if (!handle) {
    const message = `must be ${[...grants.keys()].join(' or ')}`
    throw refused('unsupported_grant_type', { pointer: '/grant_type', message })
  }
  // No scopes exist, and a response without `scope` would mean that the requested ones were granted (§5.1).
  if (request.scope !== undefined)
    throw refused('invalid_scope', { pointer: '/scope', message: 'must be empty' })
  return handle(deps, actor, request)
}

const refused = (oauth: OAuthError, error: FieldError) =>
  fail('validation_failed', { oauth, errors: [error] })

/** The value of a required parameter. Throws `validation_failed` without it. */
function required(parameter: Record<string, string | undefined>): string {
  const [[name, value] = []] = Object.entries(parameter)
  if (value !== undefined) return value
  throw fail('validation_failed', { errors: [{ pointer: `/${name}`, message: 'is required' }] })
}
