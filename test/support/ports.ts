/**
 * A port that nobody listens on just now. It is below those that clients are given: one of these that tries a server again
 * and again while it is down can connect to itself.
 */
export function freePort(): number {
  for (;;) {
    // Not of the seed: files that run at the same time would all try the same ports.
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    try {
      Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => undefined } }).stop(true)
      return port
    } catch {
      // Taken: the next one.
    }
  }
}

/** Waits until someone listens on a port. */
export async function listening(port: number) {
  for (let tries = 0; tries < 200; tries++, await Bun.sleep(50)) {
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: { data: () => undefined },
    }).catch(() => null)
    socket?.end()
    if (socket) return
  }
  throw new Error(`nobody listens on port ${port}`)
}
