/** Settles when the signal is given. */
export function given(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  if (signal.aborted) resolve()
  signal.addEventListener('abort', () => resolve(), { once: true })
  return promise
}

/** Waits so many milliseconds, less if the signal is given. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await Promise.race([Bun.sleep(milliseconds), given(signal)])
}
