/** Keeps SIGHUP from ending the process. */
export type Sighup = {
  /** Sets the handler. It runs at once if a signal arrived before, and must not throw. */
  onSignal(handler: () => Promise<void>): void
}

/** Handles SIGHUP from now on, because its default ends the process. */
export function catchSighup(): Sighup {
  let isPending = false
  let isRunning = false
  let handler: (() => Promise<void>) | null = null

  // Runs do not overlap. Signals during a run cause one more run, because each run reads everything again.
  async function run() {
    if (isRunning || !handler) return
    isRunning = true
    while (isPending) {
      isPending = false
      await handler()
    }
    isRunning = false
  }
  process.on('SIGHUP', () => {
    isPending = true
    void run()
  })
  return {
    onSignal(newHandler) {
      handler = newHandler
      void run()
    },
  }
}
