import { rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Tap = Awaited<ReturnType<typeof createTap>>

// The message Sync, which the driver sends once after each query (PostgreSQL documentation, "Message Formats").
const sync = Buffer.from('S\0\0\0\x04', 'latin1')

/** Forwards to a PostgreSQL server at a URL or a path, counts queries, and can hold data back. */
export async function createTap(target: string) {
  const isPath = target.startsWith('/')
  const path = join(tmpdir(), `fastkit-tap-${crypto.randomUUID().slice(0, 8)}.sock`)
  const open = new Set<Socket>()
  let isFrozen = false
  let queries = 0
  const server = createServer((client) => {
    const upstream = isPath ? connect(target) : connect(Number(new URL(target).port || 5432), '127.0.0.1')
    for (const socket of [client, upstream]) open.add(socket.on('error', () => socket.destroy()))
    client.on('close', () => upstream.destroy())
    upstream.on('close', () => client.destroy())
    client.on('data', (data) => {
      queries += countIn(Buffer.from(data))
      if (!isFrozen) upstream.write(data)
    })
    upstream.on('data', (data) => isFrozen || client.write(data))
  })
  await listening(server, isPath ? path : 0)

  function thaw() {
    isFrozen = false
    for (const socket of open) socket.destroy()
    open.clear()
  }
  return {
    path,
    url: isPath ? '' : urlThrough(target, server),
    get queries() {
      return queries
    },
    /** Holds all data back without closing connections. */
    freeze: () => (isFrozen = true),
    /** Closes the connections and drops the data that was held back. */
    thaw,
    close() {
      thaw()
      server.close()
      rmSync(path, { force: true })
    },
  }
}

const listening = (server: Server, at: string | number) =>
  new Promise<void>((resolve) => server.listen(at, resolve))

function urlThrough(target: string, server: Server): string {
  const url = new URL(target)
  const address = server.address()
  url.host = `127.0.0.1:${isInternet(address) ? address.port : ''}`
  return url.href
}

const isInternet = (address: AddressInfo | string | null): address is AddressInfo =>
  typeof address === 'object' && address !== null

function countIn(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(sync); at >= 0; at = bytes.indexOf(sync, at + 1)) count++
  return count
}
