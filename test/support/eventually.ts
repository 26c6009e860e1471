const pauseMilliseconds = 10
// Generous, because the machine may be busy with other tests.
const patienceMilliseconds = 30_000

/** Repeats `find` until it returns a value. */
export async function eventually<T>(
  find: () => T | null | undefined | Promise<T | null | undefined>,
): Promise<T> {
  const deadline = performance.now() + patienceMilliseconds
  for (;;) {
    const found = await find()
    if (found !== null && found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited in vain for ${find}`)
    await Bun.sleep(pauseMilliseconds)
  }
}
