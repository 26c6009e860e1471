import { type PolicyName, policies } from '../core/rate-limiter/policies'

type Left = { policy: PolicyName; remaining: number; resetSeconds: number }

/** The fields of draft-ietf-httpapi-ratelimit-headers-10: the limit, what is left of it and when all of it is back. */
export function limitHeaders({ policy, remaining, resetSeconds }: Left) {
  const { quota, windowSeconds } = policies[policy]
  return {
    'ratelimit-policy': `"${policy}";q=${quota};w=${windowSeconds}`,
    ratelimit: `"${policy}";r=${remaining};t=${resetSeconds}`,
  }
}
