import { connect } from 'node:net'

/**
 * Sends bytes as they are, for what no HTTP client would send. Answers what came back until the service closed the
 * connection, or until `isEnough` says so.
 */
export function sendRaw(url: string, request: string | string[], isEnough = (_: string) => false) {
  const { hostname, port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<string>()
  let received = ''
  const socket = connect(Number(port), hostname, () => {
    for (const part of [request].flat()) socket.write(part)
  })
  const end = () => {
    socket.destroy()
    resolve(received)
  }
  socket.on('data', (data) => {
    received += data.toString()
    if (isEnough(received)) end()
  })
  // A reset is a way of closing: what came before it counts.
  socket.on('error', end)
  socket.on('close', end)
  return promise
}
