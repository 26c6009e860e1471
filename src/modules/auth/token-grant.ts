import { type FieldError, fail, type OAuthError } from '../../core/errors'
import type { Acting } from '../../deps'
import type { TokenPair } from '../sessions/schema'
import type { TokenRequest } from './schema'
import * as auth from './service'

type Grant = (deps: Acting, request: TokenRequest) => Promise<TokenPair>

/** The grants of RFC 6749 that need no other party: §4.3 and §6. */
const grants = new Map<string, Grant>([
  [
    'password',
    (deps, { username, password }) =>
      auth.login(deps, { email: required({ username }), password: required({ password }) }),
  ],
  ['refresh_token', (deps, { refresh_token }) => auth.refresh(deps, required({ refresh_token }))],
])

/**
 * Answers at the token endpoint, as signing in and refreshing do. Throws `validation_failed`, `invalid_credentials`,
 * `invalid_refresh_token`, `refresh_token_reused`, `rate_limited`, `overloaded`.
 */
export async function grant(deps: Acting, request: TokenRequest): Promise<TokenPair> {
  const answer = grants.get(request.grant_type)
  if (!answer) {
    const message = `must be ${[...grants.keys()].join(' or ')}`
    throw refused('unsupported_grant_type', { pointer: '/grant_type', message })
  }
  // No scope exists, and an answer that names none would mean that all of those asked for were granted (§5.1).
  if (request.scope !== undefined)
    throw refused('invalid_scope', { pointer: '/scope', message: 'must be empty' })
  return answer(deps, request)
}

const refused = (oauth: OAuthError, error: FieldError) =>
  fail('validation_failed', { oauth, errors: [error] })

/** The value of a parameter that this grant cannot do without. */
function required(parameter: Record<string, string | undefined>): string {
  const [[name, value] = []] = Object.entries(parameter)
  if (value !== undefined) return value
  throw fail('validation_failed', { errors: [{ pointer: `/${name}`, message: 'is required' }] })
}
