import { type ErrorCode, fail } from './errors'

/** The permits in use and the callers that wait for one. */
export type Load = { readonly running: number; readonly waiting: number }

export type Semaphore = Load & {
  /** How many callers may have a permit. After it was lowered, more may have one until they release it. */
  readonly permits: number
  resize(permits: number): void
  /** Runs `work` with a permit. Throws `errorCode` when the queue is full or the wait was too long. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Throws `errorCode` while the queue is full. For callers with costly work before `run`. */
  assertCapacity(): void
}

type SemaphoreOptions = {
  permits: number
  maxQueued: number
  maxWaitMilliseconds: number
  errorCode: ErrorCode
}

/** Grants `permits` at a time and queues up to `maxQueued`. A longer queue would only grow memory and delay. */
export function createSemaphore({
  permits: initialPermits,
  maxQueued,
  maxWaitMilliseconds,
  errorCode,
}: SemaphoreOptions): Semaphore {
  const waiters = new Set<() => void>()
  let permits = initialPermits
  let running = 0

  const acquire = () => {
    if (running < permits) {
      running++
      return Promise.resolve()
    }
    if (waiters.size >= maxQueued) return Promise.reject(fail(errorCode))
    return new Promise<void>((resolve, reject) => {
      const admit = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        waiters.delete(admit)
        reject(fail(errorCode))
      }, maxWaitMilliseconds)
      waiters.add(admit)
    })
  }

  const admitWaiters = () => {
    for (const next of waiters) {
      if (running >= permits) return
      running++
      waiters.delete(next)
      next()
    }
  }
  return {
    get permits() {
      return permits
    },
    resize(size) {
      permits = size
      admitWaiters()
    },
    assertCapacity() {
      if (running >= permits && waiters.size >= maxQueued) throw fail(errorCode)
    },
    async run(work) {
      await acquire()
      try {
        return await work()
      } finally {
        running--
        admitWaiters()
      }
    },
    get running() {
      return running
    },
    get waiting() {
      return waiters.size
    },
  }
}
