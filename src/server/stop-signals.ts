// The terminal and `bun run` both forward Ctrl-C, so one key press sends two signals.
const duplicateMilliseconds = 500

/** Calls `end` at the first SIGTERM or SIGINT. A later one exits at once with code 1. */
export function onStopSignal(end: () => void) {
  let signalledAt: number | null = null
  const onSignal = () => {
    if (signalledAt !== null && performance.now() - signalledAt > duplicateMilliseconds) process.exit(1)
    if (signalledAt !== null) return
    signalledAt = performance.now()
    end()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
