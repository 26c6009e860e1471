const pauseMilliseconds = 100

/** Tells ten times a second how many seconds late the event loop came to it. */
export function watchEventLoop(observe: (seconds: number) => void): { stop(): void } {
  let dueAt = performance.now() + pauseMilliseconds
  const timer = setInterval(() => {
    const now = performance.now()
    observe(Math.max(0, now - dueAt) / 1000)
    dueAt = now + pauseMilliseconds
  }, pauseMilliseconds)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

const lagsKept = 10

/** Tells ten times a second how many milliseconds late the event loop was in the last second, at worst. */
export function watchLag(tell: (milliseconds: number) => void): { stop(): void } {
  const lags: number[] = []
  return watchEventLoop((seconds) => {
    lags.push(seconds * 1000)
    if (lags.length > lagsKept) lags.shift()
    tell(Math.max(...lags))
  })
}
