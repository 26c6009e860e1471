import { type ErrorCode, fail } from './errors'

/** How much is under way behind a gate just now, and how much waits before it. */
export type Load = { readonly running: number; readonly waiting: number }

export type Semaphore = Load & {
  /** Runs `work` when a place is free. Throws the gate's code when too many already wait, or one waited too long. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Throws the gate's code while too many wait, for who has something to do before that may be in vain. */
  assertCapacity(): void
}

type GateOptions = { permits: number; queue: number; maxWaitMilliseconds: number; refusal: ErrorCode }

/** Admits `places` at a time and lets `queue` wait: more would only grow memory and everyone's delay. */
export function createSemaphore({ permits, queue, maxWaitMilliseconds, refusal }: GateOptions): Semaphore {
  const waiters = new Set<() => void>()
  let free = permits

  const enter = () => {
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    if (waiters.size >= queue) return Promise.reject(fail(refusal))
    return new Promise<void>((resolve, reject) => {
      const admit = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        waiters.delete(admit)
        reject(fail(refusal))
      }, maxWaitMilliseconds)
      waiters.add(admit)
    })
  }

  const leave = () => {
    const [next] = waiters
    if (!next) {
      free++
      return
    }
    waiters.delete(next)
    next()
  }

  return {
    assertCapacity() {
      if (free === 0 && waiters.size >= queue) throw fail(refusal)
    },
    async run(work) {
      await enter()
      try {
        return await work()
      } finally {
        leave()
      }
    },
    get running() {
      return permits - free
    },
    get waiting() {
      return waiters.size
    },
  }
}
