const ready = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}'

/** Two instances that are ready and die on each request. `seen` has the methods of the requests. */
export function createDying() {
  const seen: string[] = []
  const listen = () =>
    Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        data(socket, data) {
          const [method = '', path] = data.toString().split(' ')
          if (path === '/readyz') return void socket.end(ready)
          seen.push(method)
          socket.end()
        },
      },
    })
  const [one, other] = [listen(), listen()]
  const ports: [number, number] = [one.port, other.port]
  const stop = () => {
    one.stop(true)
    other.stop(true)
  }
  return { seen, ports, stop }
}
