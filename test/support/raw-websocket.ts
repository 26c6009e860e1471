import { connect } from 'node:net'

/** A TCP connection for raw bytes, with what was received and how it ended. */
export async function openWire(url: string) {
  const { hostname, port, host } = new URL(url)
  const wire = { received: '', hasEnded: false, error: null as string | null, isClosed: false }
  const socket = connect(Number(port), hostname)
  socket.on('data', (data) => {
    wire.received += data.toString()
  })
  socket.on('end', () => {
    wire.hasEnded = true
  })
  socket.on('error', (error) => {
    wire.error = 'code' in error ? String(error.code) : error.message
  })
  socket.on('close', () => {
    wire.isClosed = true
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const event of ['connect', 'close']) socket.once(event, () => resolve())
  await promise
  return {
    wire,
    write: (text: string) => socket.write(text),
    /** Sends a request without waiting for its response. */
    ask: (path: string, headers = '') =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`),
    /** Waits until the server has closed the connection, and returns how. */
    async closed() {
      for (let attempt = 0; attempt < 3000 && !wire.isClosed; attempt++) await Bun.sleep(10)
      return wire
    },
    async until(text: string | RegExp) {
      const has = () => (typeof text === 'string' ? wire.received.includes(text) : text.test(wire.received))
      for (let attempt = 0; attempt < 1000 && !has(); attempt++) await Bun.sleep(10)
      if (!has()) throw new Error(`waited in vain for ${text}; came: ${wire.received}`)
    },
    destroy: () => socket.destroy(),
  }
}
