import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { fail } from '../errors'
import type { MakeLimiter } from '../limits'
import { accountDelaySeconds, accountDelaysForgottenSeconds, policies } from './policies'

export type Guesses = {
  /**
   * Runs `guess` at the password of the account `key`; `null` is a failure and counts. It is counted before it runs, so
   * that any number at once are no more than one after the other, and given back when it was none. Throws `rate_limited`.
   */
  run<T>(key: string, guess: () => Promise<T | null>): Promise<T | null>
}

type Turn = { giveBack(): Promise<unknown> }

const { quota, windowSeconds } = policies.account
const [shortestDelaySeconds = 60] = accountDelaySeconds

/** The first failures of an account are free; from then on each closes a gate behind it, for longer each time. */
export function createGuesses(failures: RateLimiterAbstract, makeLimiter: MakeLimiter): Guesses {
  const gate = makeLimiter({ keyPrefix: 'account-gate', points: 1, duration: shortestDelaySeconds })
  const delays = makeLimiter({
    keyPrefix: 'account-delays',
    points: accountDelaySeconds.length,
    duration: accountDelaysForgottenSeconds,
  })
  const refusals = makeLimiter({ keyPrefix: 'account-refusals', points: 1, duration: windowSeconds })

  async function takeTurn(key: string): Promise<Turn> {
    const { consumedPoints: nth } = await failures.penalty(key)
    if (nth < quota) return { giveBack: () => failures.reward(key) }
    const closed = await refusalOf(gate, key)
    if (closed) {
      const isFirst = (await refusalOf(refusals, key)) === null
      const retryAfterSeconds = Math.max(1, Math.ceil(closed.msBeforeNext / 1000))
      throw fail('rate_limited', { refusal: { policy: 'account', retryAfterSeconds, isFirst } })
    }
    return closeGate(key)
  }

  /** Only who came through the gate gets here, so the delay grows by one step however many knocked. */
  async function closeGate(key: string): Promise<Turn> {
    const { consumedPoints: step } = await delays.penalty(key)
    const delaySeconds = accountDelaySeconds[step - 1] ?? accountDelaySeconds.at(-1) ?? shortestDelaySeconds
    await gate.set(key, 1, delaySeconds)
    // The free tries do not come back before a whole window has passed without a failure.
    await failures.set(key, quota, delaySeconds + windowSeconds)
    return { giveBack: () => Promise.all([gate.delete(key), delays.reward(key)]) }
  }

  return {
    async run(key, guess) {
      const turn = await takeTurn(key)
      let isFailure = false
      try {
        const outcome = await guess()
        isFailure = outcome === null
        return outcome
      } finally {
        if (!isFailure) await turn.giveBack()
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
