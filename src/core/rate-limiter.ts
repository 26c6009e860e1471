import { type IRateLimiterOptions, type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { fail } from './errors'
import { createLoginThrottle, type LoginThrottle } from './rate-limiter/login-throttle'
import { type PolicyName, policies, type Refusal } from './rate-limiter/policies'

/** Where a key stands after a use of it. */
type Standing = {
  policy: PolicyName
  remaining: number
  resetSeconds: number
  refusal: Refusal | null
}

export type Limits = {
  isOn: boolean
  /** Counts one use by `key` and tells whether it is refused; `null` when limits are off. */
  count(policy: PolicyName, key: string): Promise<Standing | null>
  /** Counts one use by `key`. Throws `rate_limited`. */
  use(policy: PolicyName, key: string): Promise<void>
  loginThrottle: LoginThrottle
}

/** Makes a counter in some store: memory, or one that instances share. */
export type MakeLimiter = (options: IRateLimiterOptions) => RateLimiterAbstract

/** The limits of the service, over counters of rate-limiter-flexible. */
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

  async function count(policy: PolicyName, key: string): Promise<Standing> {
    try {
      return standing(policy, await limiterOf(policy).consume(key))
    } catch (error) {
      if (error instanceof RateLimiterRes) return standing(policy, error)
      throw error
    }
  }

  return {
    isOn,
    count,
    async use(policy, key) {
      const { refusal } = await count(policy, key)
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

function standing(policy: PolicyName, { consumedPoints, msBeforeNext }: RateLimiterRes): Standing {
  const { quota } = policies[policy]
  const resetSeconds = Math.max(1, Math.ceil(msBeforeNext / 1000))
  const isFirst = consumedPoints === quota + 1
  const refusal = consumedPoints > quota ? { policy, retryAfterSeconds: resetSeconds, isFirst } : null
  return { policy, remaining: Math.max(0, quota - consumedPoints), resetSeconds, refusal }
}
