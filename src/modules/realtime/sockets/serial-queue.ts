export type Queue = {
  /** Adds a job, which must not reject. False when too many wait. */
  push(job: () => Promise<void>): boolean
  /** Forgets the jobs that have not begun. */
  clear(): void
  /** Settles when everything that was pushed before is done. */
  settled(): Promise<void>
}

/** Does one job after the other, at most `maxWaiting` of them waiting. */
export function createQueue(maxWaiting: number): Queue {
  let waiting: (() => Promise<void>)[] = []
  let isRunning = false

  async function run() {
    isRunning = true
    for (let job = waiting.shift(); job; job = waiting.shift()) await job()
    isRunning = false
  }
  return {
    push(job) {
      if (waiting.length >= maxWaiting) return false
      waiting.push(job)
      if (!isRunning) void run()
      return true
    },
    clear() {
      waiting = []
    },
    settled() {
      const { promise, resolve } = Promise.withResolvers<void>()
      const isWaiting = this.push(async () => resolve())
      return isWaiting ? promise : Promise.resolve()
    },
  }
}
