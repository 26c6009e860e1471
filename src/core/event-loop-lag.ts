const pauseMilliseconds = 100

/** Observes ten times a second by how many seconds a timer was late. */
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

/** Reports ten times a second the greatest lag of the last second, in milliseconds. */
export function watchLag(tell: (milliseconds: number) => void): { stop(): void } {
  const lags: number[] = []
  return watchEventLoop((seconds) => {
    lags.push(seconds * 1000)
    if (lags.length > lagsKept) lags.shift()
    tell(Math.max(...lags))
  })
}
