// A terminal and the script runner above us both pass Ctrl-C on: two signals, one wish.
const echoMilliseconds = 500

/** Settles with the first SIGTERM or SIGINT; a later one ends the process at once with exit code 1. */
export function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    let askedAt: number | null = null
    const onSignal = () => {
      if (askedAt !== null && performance.now() - askedAt > echoMilliseconds) process.exit(1)
      askedAt ??= performance.now()
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
