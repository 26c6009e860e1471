import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible'
import { fail } from '../errors'
import type { MakeLimiter } from '../rate-limiter'
import { accountDelaySeconds, accountDelaysForgottenSeconds, policies } from './policies'

export type LoginThrottle = {
  /**
   * Runs `attempt` at the password of the account `key`; `null` is a failure and counts. It is counted before it runs, and
   * given back when it was none: any number at once fare as they would one after the other. Throws `rate_limited`.
   */
  run<T>(key: string, attempt: () => Promise<T | null>): Promise<T | null>
}

type Turn = { giveBack: () => Promise<unknown>; end: () => void }

const { quota, windowSeconds } = policies.account
const [minDelaySeconds = 60] = accountDelaySeconds

/** The first failures of an account are free; from then on each closes a gate behind it, for longer each time. */
export function createLoginThrottle(failures: RateLimiterAbstract, makeLimiter: MakeLimiter): LoginThrottle {
  const gate = makeLimiter({ keyPrefix: 'account-gate', points: 1, duration: minDelaySeconds })
  const delays = makeLimiter({
    keyPrefix: 'account-delays',
    points: accountDelaySeconds.length,
    duration: accountDelaysForgottenSeconds,
  })
  const refusals = makeLimiter({ keyPrefix: 'account-refusals', points: 1, duration: windowSeconds })

  const turns = createTurns()

  async function takeTurn(key: string): Promise<Turn> {
    const { consumedPoints: nth } = await failures.penalty(key)
    const settled = turns.next(key)
    if (nth >= quota && settled) {
      await failures.reward(key)
      await settled
      return takeTurn(key)
    }
    const end = turns.begin(key)
    if (nth < quota) return { giveBack: () => failures.reward(key), end }
    try {
      return { giveBack: await passGate(key), end }
    } catch (error) {
      await failures.reward(key)
      end()
      throw error
    }
  }

  async function passGate(key: string): Promise<Turn['giveBack']> {
    const closed = await refusalOf(gate, key)
    if (!closed) return closeGate(key)
    const isFirst = (await refusalOf(refusals, key)) === null
    const retryAfterSeconds = Math.max(1, Math.ceil(closed.msBeforeNext / 1000))
    throw fail('rate_limited', { refusal: { policy: 'account', retryAfterSeconds, isFirst } })
  }

  /** Only who came through the gate gets here, so the delay grows by one step however many knocked. */
  async function closeGate(key: string): Promise<Turn['giveBack']> {
    const { consumedPoints: step } = await delays.penalty(key)
    const delaySeconds = accountDelaySeconds[step - 1] ?? accountDelaySeconds.at(-1) ?? minDelaySeconds
    await gate.set(key, 1, delaySeconds)
    // The free tries do not come back before a whole window has passed without a failure.
    await failures.set(key, quota, delaySeconds + windowSeconds)
    return () => Promise.all([gate.delete(key), delays.reward(key)])
  }

  return { run: async (key, attempt) => spend(await takeTurn(key), attempt) }
}

async function spend<T>({ giveBack, end }: Turn, attempt: () => Promise<T | null>): Promise<T | null> {
  let isFailure = false
  try {
    const outcome = await attempt()
    isFailure = outcome === null
    return outcome
  } finally {
    if (!isFailure) await giveBack().finally(end)
    else end()
  }
}

/** Who has a turn in this process: who would be refused waits for what becomes of them. */
function createTurns() {
  const underWay = new Map<string, Set<Promise<void>>>()
  return {
    /** When the next of them is done; `null` when there is none. */
    next(key: string): Promise<void> | null {
      const others = underWay.get(key)
      return others ? Promise.race(others) : null
    },
    /** Answers what ends the turn. */
    begin(key: string): () => void {
      const { promise, resolve } = Promise.withResolvers<void>()
      const turns = underWay.get(key) ?? new Set()
      underWay.set(key, turns.add(promise))
      return () => {
        turns.delete(promise)
        if (turns.size === 0) underWay.delete(key)
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
