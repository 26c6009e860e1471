import { type IRateLimiterOptions, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Clock } from '../clock'

/** RateLimiterMemory over a store with an upper bound, without timers and with the clock of the service. */
export class BoundedMemory extends RateLimiterMemory {
  protected readonly _memoryStorage: Counters

  constructor(options: IRateLimiterOptions, clock: Clock) {
    super(options)
    this._memoryStorage = new Counters(clock)
  }
}

type Counter = { value: number; expiresAt: number }

// About 20 MB when full. Beyond it the oldest windows are evicted.
const maxCounters = 100_000

/** The counters of a limiter. They are in the order of their start, which is about the order of their end. */
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

  /** Evicts up to two expired counters for each new one: the store shrinks without a pass over all of it. */
  private makeRoom(now: number) {
    let seen = 0
    for (const [key, { expiresAt }] of this.counters) {
      const isFull = this.counters.size >= this.most
      if (seen++ === 2 || (expiresAt > now && !isFull)) return
      this.counters.delete(key)
    }
  }
}
