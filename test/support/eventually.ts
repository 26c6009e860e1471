const pauseMilliseconds = 10
// A machine that does ten things at once is slow, not broken.
const patienceMilliseconds = 30_000

/** What `find` finds, once it finds something. */
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
