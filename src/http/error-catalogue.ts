import type { ErrorCode } from '../core/errors'

/** Status and wording of a code for clients. */
export type Entry = { status: number; title: string; meaning: string; retryAfterSeconds?: number }

/** Every code. `/docs/errors` shows it, and a published code never changes its meaning. */
export const catalogue = {
  malformed_body: { status: 400, title: 'Malformed body', meaning: 'The body is not valid JSON in UTF-8.' },
  unauthenticated: {
    status: 401,
    title: 'Not signed in',
    meaning: 'The request needs an access token and has none.',
  },
  invalid_token: {
    status: 401,
    title: 'Invalid access token',
    meaning:
      'The access token is malformed or expired, or its session has ended. Refresh the tokens or log in again.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    meaning: 'No active account has this e-mail address and this password.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    meaning: 'The refresh token is malformed or expired, or its session has ended. Log in again.',
  },
  refresh_token_reused: {
    status: 401,
    title: 'Refresh token reused',
    meaning:
      'The refresh token was used before, so it may have been stolen. Its session has ended. Log in again.',
  },
  forbidden: {
    status: 403,
    title: 'Not allowed',
    meaning:
      'The user does not have the right to do this, or a WebSocket comes from a page whose origin is not allowed.',
  },
  wrong_password: {
    status: 403,
    title: 'Wrong password',
    meaning: 'The request needs the current password, and the password in it is wrong.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    meaning: 'There is no such path, or no object with this id.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The path exists, but not with this method. `Allow` lists the methods that it supports.',
  },
  email_taken: {
    status: 409,
    title: 'E-mail address taken',
    meaning: 'An account with this e-mail address already exists.',
  },
  last_admin: {
    status: 409,
    title: 'Last admin',
    meaning: 'The change would leave no active admin, so it is refused.',
  },
  payload_too_large: { status: 413, title: 'Body too large', meaning: 'The body is larger than 64 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'The body needs `Content-Type: application/json`.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    meaning: 'Some fields are missing, unknown or invalid. `errors` lists them by JSON pointer.',
  },
  weak_password: {
    status: 422,
    title: 'Weak password',
    meaning:
      'The password is too short, too long or too common, or it contains the name in the e-mail address. `errors` says which.',
  },
  upgrade_required: {
    status: 426,
    title: 'Upgrade required',
    meaning: 'This path accepts only WebSocket handshakes, version 13 (RFC 6455).',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    meaning: 'A rate limit is exhausted. `RateLimit-Policy` names it. Try again after `Retry-After`.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'The service has a fault. Its log has the details under the request id.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    meaning: 'The service has more work than it can do in time. Try again after `Retry-After`.',
    retryAfterSeconds: 2,
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    meaning: 'The database does not answer at the moment. Try again after `Retry-After`.',
    retryAfterSeconds: 2,
  },
  shutting_down: {
    status: 503,
    title: 'Shutting down',
    meaning: 'This instance is shutting down. Try again: another instance will respond.',
    retryAfterSeconds: 1,
  },
} as const satisfies Record<ErrorCode, Entry>
