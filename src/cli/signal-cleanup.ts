/** Registers a cleanup for an interrupted command. The last one runs first. */
export type OnCleanup = (cleanup: () => void) => void

const exitCode = 1

/** Runs `work`. On Ctrl-C or SIGTERM, runs its cleanups and ends the process with 1. */
export async function withSignalCleanup<T>(work: (onCleanup: OnCleanup) => Promise<T>): Promise<T> {
  const cleanups: (() => void)[] = []
  const onSignal = () => {
    for (const cleanup of cleanups.toReversed()) tryCleanup(cleanup)
    process.exit(exitCode)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await work((cleanup) => void cleanups.push(cleanup))
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/** Ignores failures: an open database may write to a directory while it is removed. The next start removes the rest. */
function tryCleanup(cleanup: () => void) {
  try {
    cleanup()
  } catch {
    // The process ends anyway.
  }
}
