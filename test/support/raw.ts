import { connect } from 'node:net'

/**
 * Sends raw bytes, for requests that no HTTP client sends. Returns the response up to the close of the connection, or up
 * to the point where `isEnough` is true.
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
  // A reset counts as a close. The bytes before it are returned.
  socket.on('error', end)
  socket.on('close', end)
  return promise
}
