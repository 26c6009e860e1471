import { connect, createServer, type Socket } from 'node:net'
import { random, randomInteger } from './random'

type Pair = { near: Socket; far: Socket }

// The server would notice a dead link by itself, but later than a test opens the next one.
const silenceMilliseconds = 3000

/** A TCP proxy that can break its connections in every way that a network can. */
export async function createFlakyLink(serviceUrl: string) {
  const { hostname, port } = new URL(serviceUrl)
  const pairs = new Set<Pair>()
  const server = createServer((near) => {
    const far = connect(Number(port), hostname)
    const pair = { near, far }
    pairs.add(pair)
    for (const socket of [near, far]) {
      socket.on('error', () => socket.destroy())
      socket.on('close', () => pairs.delete(pair))
    }
    near.on('close', () => far.end())
    far.on('close', () => near.end())
    near.pipe(far)
    far.pipe(near)
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the link has no port')

  return {
    url: `http://127.0.0.1:${address.port}`,
    /** Breaks some of the connections. */
    breakSome(probability: number) {
      for (const pair of pairs) if (random() < probability) breakOne(pair)
    },
    close() {
      for (const { near, far } of pairs) for (const socket of [near, far]) socket.destroy()
      server.close()
    },
  }
}

const ways = [
  ({ near, far }: Pair) => {
    near.resetAndDestroy()
    far.resetAndDestroy()
  },
  ({ near, far }: Pair) => {
    near.end()
    far.end()
  },
  // The client is gone and the service gets no FIN: what it sends is lost.
  ({ near, far }: Pair) => {
    near.removeAllListeners('close')
    near.unpipe()
    far.unpipe()
    far.resume()
    near.destroy()
    setTimeout(() => far.resetAndDestroy(), silenceMilliseconds).unref()
  },
]

function breakOne(pair: Pair) {
  ways[randomInteger(ways.length)]?.(pair)
}
