import { type ErrorCode, fail } from './errors'

export type Gate = {
  /** Runs `work` when a place is free. Throws the gate's code when too many already wait, or one waited too long. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** How many wait just now. */
  readonly waiting: number
}

type GateOptions = { places: number; queue: number; maxWaitMilliseconds: number; refusal: ErrorCode }

/** Admits `places` at a time and lets `queue` wait: more would only grow memory and everyone's delay. */
export function createGate({ places, queue, maxWaitMilliseconds, refusal }: GateOptions): Gate {
  const waiters = new Set<() => void>()
  let free = places

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
    async run(work) {
      await enter()
      try {
        return await work()
      } finally {
        leave()
      }
    },
    get waiting() {
      return waiters.size
    },
  }
}
