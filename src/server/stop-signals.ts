// A terminal and the script runner above us both pass Ctrl-C on: two signals, one wish.
const echoMilliseconds = 500

/** Calls `end` with the first SIGTERM or SIGINT; a later one ends the process at once with exit code 1. */
export function onStopSignal(end: () => void) {
  let askedAt: number | null = null
  const onSignal = () => {
    if (askedAt !== null && performance.now() - askedAt > echoMilliseconds) process.exit(1)
    if (askedAt !== null) return
    askedAt = performance.now()
    end()
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}
