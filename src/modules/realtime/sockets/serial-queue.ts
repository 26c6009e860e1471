export type Queue = {
  /** Adds a job, which must not reject. Returns false when the queue is full. */
  push(job: () => Promise<void>): boolean
  /** Removes the jobs that have not started. */
  clear(): void
  /** Resolves when the jobs that were pushed before are done. */
  settled(): Promise<void>
}

/** Runs jobs one at a time. At most `maxWaiting` of them wait. See docs/workarounds.md#elysia-ws-concurrent. */
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
