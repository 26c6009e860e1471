import { type PolicyName, policies } from '../core/rate-limiter/policies'

type RateLimitState = { policy: PolicyName; remaining: number; resetSeconds: number }

/** Header fields of draft-ietf-httpapi-ratelimit-headers-10: the policy, the remaining quota, seconds to the reset. */
export function rateLimitHeaders({ policy, remaining, resetSeconds }: RateLimitState) {
  const { quota, windowSeconds } = policies[policy]
  return {
    'ratelimit-policy': `"${policy}";q=${quota};w=${windowSeconds}`,
    ratelimit: `"${policy}";r=${remaining};t=${resetSeconds}`,
  }
}
