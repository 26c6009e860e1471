import { type IRateLimiterOptions, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Clock } from '../clock'

/** The library's limiter in memory, with a store that has an upper bound, no timers and the clock of the service. */
export class BoundedMemory extends RateLimiterMemory {
  protected readonly _memoryStorage: Counters

  constructor(options: IRateLimiterOptions, clock: Clock) {
    super(options)
    this._memoryStorage = new Counters(clock)
  }
}

type Counter = { value: number; expiresAt: number }

// Some 20 MB when full: more addresses than that at once, and the oldest windows are forgotten.
const maxCounters = 100_000

/** What the library keeps counters in. They lie in the order in which they began, which is about that of their end. */
export class Counters {
  private readonly counters = new Map<string, Counter>()
  private readonly clock: Clock
  private readonly most: number

  constructor(clock: Clock, most = maxCounters) {
    this.clock = clock
    this.most = most
  }

  get size() {
    return this.counters.size
  }

  incrby(key: string, by: number, durationSeconds: number): RateLimiterRes {
    const counter = this.living(key)
    if (!counter) return this.set(key, by, durationSeconds)
    counter.value += by
    return this.present(counter)
  }

  set(key: string, value: number, durationSeconds: number): RateLimiterRes {
    const now = this.clock.now().getTime()
    const counter = { value, expiresAt: now + durationSeconds * 1000 }
    this.counters.delete(key)
    this.makeRoom(now)
    this.counters.set(key, counter)
    return new RateLimiterRes(0, durationSeconds * 1000, value, true)
  }

  get(key: string): RateLimiterRes | null {
    const counter = this.living(key)
    return counter && this.present(counter)
  }

  delete(key: string): boolean {
    return this.counters.delete(key)
  }

  private living(key: string): Counter | null {
    const counter = this.counters.get(key)
    return counter && counter.expiresAt > this.clock.now().getTime() ? counter : null
  }

  private present({ value, expiresAt }: Counter): RateLimiterRes {
    return new RateLimiterRes(0, expiresAt - this.clock.now().getTime(), value, false)
  }

  /** Two go for each that comes, as long as they have ended: so the store also shrinks, without ever stopping to sweep. */
  private makeRoom(now: number) {
    let seen = 0
    for (const [key, { expiresAt }] of this.counters) {
      const isFull = this.counters.size >= this.most
      if (seen++ === 2 || (expiresAt > now && !isFull)) return
      this.counters.delete(key)
    }
  }
}
