import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { fail } from '../errors'
import type { MakeLimiter } from '../rate-limiter'
import { accountDelaySeconds, accountDelaysForgottenSeconds, policies } from './policies'

export type LoginThrottle = {
  /**
   * Runs a login attempt on the account `key`. A `null` result is a failure and counts. The attempt is counted before it
   * runs and refunded when it succeeds, so parallel attempts fare like serial ones. Throws `rate_limited`.
   */
  run<T>(key: string, attempt: () => Promise<T | null>): Promise<T | null>
}

type Attempt = { refund: () => Promise<unknown>; end: () => void }

const { quota, windowSeconds } = policies.account
const [minDelaySeconds = 60] = accountDelaySeconds

/** The first failures of an account are free. After them, each failure blocks the account, for longer each time. */
export function createLoginThrottle(failures: RateLimiterAbstract, makeLimiter: MakeLimiter): LoginThrottle {
  const blocks = makeLimiter({ keyPrefix: 'account-blocks', points: 1, duration: minDelaySeconds })
  const delays = makeLimiter({
    keyPrefix: 'account-delays',
    points: accountDelaySeconds.length,
    duration: accountDelaysForgottenSeconds,
  })
  const refusals = makeLimiter({ keyPrefix: 'account-refusals', points: 1, duration: windowSeconds })

  const running = createRunningAttempts()

  async function beginAttempt(key: string): Promise<Attempt> {
    const { consumedPoints: nth } = await failures.penalty(key)
    const settled = running.next(key)
    if (nth >= quota && settled) {
      await failures.reward(key)
      await settled
      return beginAttempt(key)
    }
    const end = running.begin(key)
    if (nth < quota) return { refund: () => failures.reward(key), end }
    try {
      return { refund: await passBlock(key), end }
    } catch (error) {
      await failures.reward(key)
      end()
      throw error
    }
  }

  async function passBlock(key: string): Promise<Attempt['refund']> {
    const blocked = await refusalOf(blocks, key)
    if (!blocked) return block(key)
    const isFirst = (await refusalOf(refusals, key)) === null
    const retryAfterSeconds = Math.max(1, Math.ceil(blocked.msBeforeNext / 1000))
    throw fail('rate_limited', { refusal: { policy: 'account', retryAfterSeconds, isFirst } })
  }

  /** Only the one admitted attempt gets here, so the delay grows by one step however many were refused. */
  async function block(key: string): Promise<Attempt['refund']> {
    const { consumedPoints: step } = await delays.penalty(key)
    const delaySeconds = accountDelaySeconds[step - 1] ?? accountDelaySeconds.at(-1) ?? minDelaySeconds
    await blocks.set(key, 1, delaySeconds)
    // Free attempts return only after a whole window without a failure.
    await failures.set(key, quota, delaySeconds + windowSeconds)
    return () => Promise.all([blocks.delete(key), delays.reward(key)])
  }

  return { run: async (key, attempt) => settle(await beginAttempt(key), attempt) }
}

async function settle<T>({ refund, end }: Attempt, attempt: () => Promise<T | null>): Promise<T | null> {
  let isFailure = false
  try {
    const outcome = await attempt()
    isFailure = outcome === null
    return outcome
  } finally {
    if (!isFailure) await refund().finally(end)
    else end()
  }
}

/** The attempts under way in this process. An attempt that would be refused waits for their outcome. */
function createRunningAttempts() {
  const underWay = new Map<string, Set<Promise<void>>>()
  return {
    /** Resolves when the next of them ends; `null` when there is none. */
    next(key: string): Promise<void> | null {
      const others = underWay.get(key)
      return others ? Promise.race(others) : null
    },
    /** Registers an attempt; returns the function that ends it. */
    begin(key: string): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      const running = underWay.get(key) ?? new Set()
      underWay.set(key, running.add(promise))
      return () => {
        running.delete(promise)
        if (running.size === 0) underWay.delete(key)
        resolve()
      }
    },
  }
}

async function refusalOf(limiter: RateLimiterAbstract, key: string): Promise<RateLimiterRes | null> {
  try {
    await limiter.consume(key)
    return null
  } catch (error) {
    if (error instanceof RateLimiterRes) return error
    throw error
  }
}
