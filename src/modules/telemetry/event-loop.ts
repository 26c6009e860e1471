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
