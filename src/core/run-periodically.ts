import { sleep } from './abort-signal'

export type Job = {
  /** Ends the pause, and settles when the work under way is done. */
  stop(): Promise<void>
}

/** Runs `work` again and again until stopped, never twice at a time. It answers how many milliseconds to pause. */
export function runPeriodically(work: () => Promise<number>): Job {
  const ending = new AbortController()
  async function run() {
    while (!ending.signal.aborted) await sleep(await work(), ending.signal)
  }
  const running = run()
  return {
    stop() {
      ending.abort()
      return running
    },
  }
}
