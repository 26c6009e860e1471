import { Type } from '@sinclair/typebox'
import { Elysia } from 'elysia'
import type { ErrorCode, Failure, OAuthError } from '../core/errors'
import { catalogue } from './error-catalogue'
import { setRouteOptions } from './route-options'
import { strict } from './schemas'

/**
 * Adds the route option `oauth`, which makes a route a token endpoint: it reads a form (RFC 6749 §3.2), its errors are
 * those of §5.2, and nothing is cached (§5.1).
 */
export const oauthOption = () =>
  new Elysia({ name: 'oauth-option' }).macro('oauth', (_: true) => ({
    ...setRouteOptions({ isTokenEndpoint: true }),
    transform({ set }) {
      set.headers['pragma'] = 'no-cache'
    },
  }))

/** The failures of a token endpoint by status, for its `response`. */
export const oauthFailures = () => ({
  400: tokenErrorOf('invalid_request'),
  429: tokenErrorOf('temporarily_unavailable'),
  500: tokenErrorOf('server_error'),
  503: tokenErrorOf('temporarily_unavailable'),
})

/** The error response of a token endpoint (RFC 6749 §5.2). */
export function presentTokenError(failure: Failure) {
  const own = failure.oauth ?? errors[failure.code]
  const status = own ? 400 : catalogue[failure.code].status
  const error = own ?? (status === 500 ? 'server_error' : 'temporarily_unavailable')
  return { status, body: { error, error_description: describe(failure) } }
}

const errors: Partial<Record<ErrorCode, OAuthError>> = {
  malformed_body: 'invalid_request',
  payload_too_large: 'invalid_request',
  unsupported_media_type: 'invalid_request',
  validation_failed: 'invalid_request',
  invalid_credentials: 'invalid_grant',
  invalid_refresh_token: 'invalid_grant',
  refresh_token_reused: 'invalid_grant',
}

/** §5.2 allows ASCII without quotes and backslashes. */
function describe({ code, errors }: Failure): string {
  const details = errors.map(({ pointer, message }) => `${pointer.slice(1) || 'body'} ${message}`)
  return [catalogue[code].title, ...details].join('; ').replaceAll(/[^ !#-[\]-~]/g, '?')
}

const TokenError = Type.Object(
  {
    error: Type.Union(
      [
        Type.Literal('invalid_request'),
        Type.Literal('invalid_grant'),
        Type.Literal('unsupported_grant_type'),
        Type.Literal('invalid_scope'),
        Type.Literal('temporarily_unavailable'),
        Type.Literal('server_error'),
      ],
      {
        description:
          '`temporarily_unavailable` with 429 and 503, `server_error` with 500, the others with 400.',
      },
    ),
    error_description: Type.String({ description: 'For developers.' }),
  },
  { title: 'TokenError', description: 'An error of RFC 6749 §5.2.', ...strict },
)

/** The schema with an example of the error, for the OpenAPI document. */
const tokenErrorOf = (error: OAuthError) => {
  const example: typeof TokenError.static = { error, error_description: descriptions[error] }
  return { ...TokenError, examples: [example] }
}

const descriptions: Record<OAuthError, string> = {
  invalid_request: 'Validation failed; username is required',
  invalid_grant: 'Invalid credentials',
  unsupported_grant_type: 'Validation failed; grant_type must be password or refresh_token',
  invalid_scope: 'Validation failed; scope must be empty',
  temporarily_unavailable: 'Too many requests',
  server_error: 'Internal error',
}
