import type { ErrorCode } from '../core/errors'

/** Status and wording of a code for clients. */
export type Entry = { status: number; title: string; meaning: string; retryAfterSeconds?: number }

/** Every code. `/docs/errors` shows it, and a published code never changes its meaning. */
export const catalogue = {
  malformed_body: { status: 400, title: 'Malformed body', meaning: 'The body is not valid JSON in UTF-8.' },
  unauthenticated: {
    status: 401,
    title: 'Not signed in',
    meaning: 'The route needs an access token and none was sent.',
  },
  invalid_token: {
    status: 401,
    title: 'Invalid access token',
    meaning: 'The access token is malformed, expired or its session has ended. Refresh, or sign in again.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    meaning: 'The e-mail address and the password do not open an account.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    meaning: 'The refresh token is malformed, expired or its session has ended. Sign in again.',
  },
  refresh_token_reused: {
    status: 401,
    title: 'Refresh token reused',
    meaning:
      'The refresh token had been used before, which can mean that it was stolen. Its session has been ended.',
  },
  forbidden: { status: 403, title: 'Not allowed', meaning: 'You are signed in and may not do this.' },
  wrong_password: {
    status: 403,
    title: 'Wrong password',
    meaning: 'The current password is not the one that was sent.',
  },
  not_found: { status: 404, title: 'Not found', meaning: 'There is nothing at this address.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    meaning: 'The address exists and does not take this method; `Allow` lists those it takes.',
  },
  email_taken: {
    status: 409,
    title: 'E-mail address taken',
    meaning: 'An account with this e-mail address exists.',
  },
  last_admin: { status: 409, title: 'Last admin', meaning: 'The change would leave no active admin.' },
  payload_too_large: { status: 413, title: 'Body too large', meaning: 'The body has more than 64 KiB.' },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    meaning: 'A body is read only with `Content-Type: application/json`.',
  },
  validation_failed: {
    status: 422,
    title: 'Validation failed',
    meaning: 'Fields are missing, unknown or out of range; `errors` lists them by JSON pointer.',
  },
  weak_password: {
    status: 422,
    title: 'Weak password',
    meaning:
      'The password is too short, too long, too common or contains the name in the e-mail address; `errors` says which.',
  },
  upgrade_required: {
    status: 426,
    title: 'Upgrade required',
    meaning: 'The address speaks WebSocket, version 13 (RFC 6455), and nothing else.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    meaning: 'A limit is used up; `RateLimit-Policy` names it. Try again after `Retry-After`.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    meaning: 'The fault is ours. The request id finds it in the log.',
  },
  overloaded: {
    status: 503,
    title: 'Overloaded',
    meaning: 'More work is waiting than can be done in time. Try again after `Retry-After`.',
    retryAfterSeconds: 2,
  },
  database_unavailable: {
    status: 503,
    title: 'Database unavailable',
    meaning: 'The database does not answer just now. Try again after `Retry-After`.',
    retryAfterSeconds: 2,
  },
  shutting_down: {
    status: 503,
    title: 'Shutting down',
    meaning: 'This instance is going away. Try again; another one will answer.',
    retryAfterSeconds: 1,
  },
} as const satisfies Record<ErrorCode, Entry>
