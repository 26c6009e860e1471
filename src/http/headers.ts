import { Elysia } from 'elysia'

// An API answers data: nothing in it may load, frame or run anything. `/docs` states its own policy.
const policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** Headers of every answer. */
export const securityHeaders = () =>
  new Elysia({ name: 'security-headers' }).headers({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'content-security-policy': policy,
    'cache-control': 'no-store',
  })
