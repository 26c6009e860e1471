/**
 * A free port below the ephemeral range. A client that retries on an ephemeral port while the server is down can connect
 * to itself.
 */
export function freePort(): number {
  for (;;) {
    // Not seeded: files that run at the same time would try the same ports.
    const port = 20_000 + Math.floor(Math.random() * 12_000)
    try {
      Bun.listen({ hostname: '127.0.0.1', port, socket: { data: () => undefined } }).stop(true)
      return port
    } catch {
      // The port is in use, so the next one is tried.
    }
  }
}

/** Waits until a process listens on a port. */
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
