/** What to do if the command is interrupted; the last one first. */
export type Cleanups = { add(clean: () => void): void }

const exitCode = 1

/** Runs `work`, and on Ctrl-C or SIGTERM what it has added by then, which then ends the process with 1. */
export async function withSignalCleanup<T>(work: (cleanups: Cleanups) => Promise<T>): Promise<T> {
  const added: (() => void)[] = []
  const end = () => {
    for (const clean of added.toReversed()) attempt(clean)
    process.exit(exitCode)
  }
  process.on('SIGINT', end).on('SIGTERM', end)
  try {
    return await work({ add: (clean) => void added.push(clean) })
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
  }
}

/** A database that is still open may write to what is being removed; the next backup or start removes the rest. */
function attempt(clean: () => void) {
  try {
    clean()
  } catch {
    // Nothing that could be told now would help.
  }
}
