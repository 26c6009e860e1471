/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

/** Waits the given milliseconds, or until the signal is aborted. It removes its listener: a signal may outlive many sleeps. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  const wake = () => resolve()
  const timer = setTimeout(wake, milliseconds)
  signal.addEventListener('abort', wake)
  await promise
  clearTimeout(timer)
  signal.removeEventListener('abort', wake)
}
