/** Registers what to undo if the command is interrupted; the last one runs first. */
export type OnCleanup = (cleanup: () => void) => void

const exitCode = 1

/** Runs `work`; on Ctrl-C or SIGTERM runs the cleanups it has registered, then ends the process with 1. */
export async function withSignalCleanup<T>(work: (onCleanup: OnCleanup) => Promise<T>): Promise<T> {
  const cleanups: (() => void)[] = []
  const onSignal = () => {
    for (const cleanup of cleanups.toReversed()) attempt(cleanup)
    process.exit(exitCode)
  }
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  try {
    return await work((cleanup) => void cleanups.push(cleanup))
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
}

/** A database that is still open may write to what is being removed; the next backup or start removes the rest. */
function attempt(cleanup: () => void) {
  try {
    cleanup()
  } catch {
    // Nothing that could be reported now would help.
  }
}
