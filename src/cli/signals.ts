/** Settles with the first SIGTERM or SIGINT; a second one ends the process at once with exit code 1. */
export function endSignal(): Promise<void> {
  return new Promise((resolve) => {
    let isAsked = false
    const onSignal = () => {
      if (isAsked) process.exit(1)
      isAsked = true
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
