import { sleep } from './abort-signal'

export type Job = {
  /** Ends the pause. Resolves when the run under way is done. */
  stop(): Promise<void>
}

/** Runs `work` again and again, never twice at a time, until stopped. `work` returns the pause in milliseconds. */
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
