export type Job = {
  /** Ends the pause, and settles when the work under way is done. */
  stop(): Promise<void>
}

/** Runs `work` again and again until stopped, never twice at a time. It answers how many milliseconds to pause. */
export function repeatedly(work: () => Promise<number>): Job {
  const ended = Promise.withResolvers<void>()
  let isStopped = false
  async function run() {
    while (!isStopped) await Promise.race([Bun.sleep(await work()), ended.promise])
  }
  const running = run()
  return {
    stop() {
      isStopped = true
      ended.resolve()
      return running
    },
  }
}
