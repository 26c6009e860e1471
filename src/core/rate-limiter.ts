import { type IRateLimiterOptions, type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { fail } from './errors'
import { createLoginThrottle, type LoginThrottle } from './rate-limiter/login-throttle'
import { type PolicyName, policies, type Refusal } from './rate-limiter/policies'

/** The state of a key after one use. */
type LimitState = {
  policy: PolicyName
  remaining: number
  resetSeconds: number
  refusal: Refusal | null
}

export type Limits = {
  isOn: boolean
  /** Counts one use of `key` and says whether it is refused; `null` with rate limits off. */
  count(policy: PolicyName, key: string): Promise<LimitState | null>
  /** Counts one use of `key`, or `points` of them. Throws `rate_limited`. */
  use(policy: PolicyName, key: string, points?: number): Promise<void>
  loginThrottle: LoginThrottle
}

/** Makes a limiter over some store: memory, or one that instances share. */
export type MakeLimiter = (options: IRateLimiterOptions) => RateLimiterAbstract

/** The rate limits of the service, over the limiters of rate-limiter-flexible. */
export function createLimits({ isOn, makeLimiter }: { isOn: boolean; makeLimiter: MakeLimiter }): Limits {
  if (!isOn) return unlimited
  const limiters = new Map<PolicyName, RateLimiterAbstract>()

  function limiterOf(policy: PolicyName): RateLimiterAbstract {
    const known = limiters.get(policy)
    if (known) return known
    const { quota, windowSeconds } = policies[policy]
    const limiter = makeLimiter({ keyPrefix: policy, points: quota, duration: windowSeconds })
    limiters.set(policy, limiter)
    return limiter
  }

  async function count(policy: PolicyName, key: string, points = 1): Promise<LimitState> {
    try {
      return stateOf(policy, await limiterOf(policy).consume(key, points), points)
    } catch (error) {
      if (error instanceof RateLimiterRes) return stateOf(policy, error, points)
      throw error
    }
  }

  return {
    isOn,
    count: (policy, key) => count(policy, key),
    async use(policy, key, points) {
      const { refusal } = await count(policy, key, points)
      if (refusal) throw fail('rate_limited', { refusal })
    },
    loginThrottle: createLoginThrottle(limiterOf('account'), makeLimiter),
  }
}

const unlimited: Limits = {
  isOn: false,
  count: () => Promise.resolve(null),
  use: () => Promise.resolve(),
  loginThrottle: { run: (_key, attempt) => attempt() },
}

function stateOf(
  policy: PolicyName,
  { consumedPoints, msBeforeNext }: RateLimiterRes,
  points: number,
): LimitState {
  const { quota } = policies[policy]
  const resetSeconds = Math.max(1, Math.ceil(msBeforeNext / 1000))
  const isFirst = consumedPoints - points <= quota
  const refusal = consumedPoints > quota ? { policy, retryAfterSeconds: resetSeconds, isFirst } : null
  return { policy, remaining: Math.max(0, quota - consumedPoints), resetSeconds, refusal }
}
