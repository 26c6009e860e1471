export type Job = {
  /** Ends the pause, and settles when the work under way is done. */
  stop(): Promise<void>
}

/** Runs `work` again and again until stopped, never twice at a time. It answers how many milliseconds to pause. */
export function repeatedly(work: () => Promise<number>): Job {
  let isStopped = false
  let wake = nothing
  // Not a race against one promise of the end: that would keep something of every pause until then.
  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  async function run() {
    while (!isStopped) {
      const milliseconds = await work()
      if (!isStopped) await pause(milliseconds)
    }
  }
  const running = run()
  return {
    stop() {
      isStopped = true
      wake()
      return running
    },
  }
}

const nothing = () => {
  // There is no pause yet.
}
