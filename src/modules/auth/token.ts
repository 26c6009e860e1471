import { fail } from '../../core/errors'
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
  if (answer) return answer(deps, request)
  const message = `must be ${[...grants.keys()].join(' or ')}`
  throw fail('validation_failed', {
    oauth: 'unsupported_grant_type',
    errors: [{ pointer: '/grant_type', message }],
  })
}

/** The value of a parameter that this grant cannot do without. */
function required(parameter: Record<string, string | undefined>): string {
  const [[name, value] = []] = Object.entries(parameter)
  if (value !== undefined) return value
  throw fail('validation_failed', { errors: [{ pointer: `/${name}`, message: 'is required' }] })
}
