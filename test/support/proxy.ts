import type { Socket } from 'bun'

/** A TCP proxy whose connections can go silent without closing, as behind a firewall. */
export type Link = {
  url: string
  freeze(which?: string): void
  thaw(): void
  /** Silences the open connections for ever. New ones work. */
  forget(): void
  close(): void
}

type Side = Socket<Pipe>
type Pipe = { peer: Promise<Side>; held: Buffer[]; name: string; isForgotten?: boolean }

/** Forwards to the server of a PostgreSQL URL. `freeze('x')` silences connections whose first bytes contain x. */
export function createLink(databaseUrl: string): Link {
  const target = new URL(databaseUrl)
  const open = new Set<Side>()
  let isFrozen = (_: Pipe) => false

  const forward = async (socket: Side, data: Buffer) => {
    const { data: pipe } = socket
    pipe.held.push(Buffer.from(data))
    await flush(socket)
  }
  async function flush({ data: pipe }: Side) {
    const peer = await pipe.peer
    pipe.name ||= pipe.held[0]?.toString('latin1') ?? ''
    peer.data.name ||= pipe.name
    if (!pipe.isForgotten && !isFrozen(pipe)) for (const chunk of pipe.held.splice(0)) peer.write(chunk)
  }
  const end = async (socket: Side) => {
    open.delete(socket)
    if (socket.data.isForgotten) return
    ;(await socket.data.peer.catch(() => null))?.end()
  }
  const handlers = { data: forward, close: end, error: end }
  const server = Bun.listen<Pipe>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      ...handlers,
      open(client) {
        open.add(client)
        const peer = Promise.resolve(client)
        const upstream = Bun.connect<Pipe>({
          hostname: target.hostname,
          port: Number(target.port || 5432),
          data: { peer, held: [], name: '' },
          socket: { ...handlers, open: (socket) => void open.add(socket) },
        })
        client.data = { peer: upstream, held: [], name: '' }
      },
    },
  })
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${server.port}`
  return {
    url: url.href,
    freeze: (which = '') => (isFrozen = ({ name }) => name.includes(which)),
    thaw() {
      isFrozen = () => false
      for (const socket of open) void flush(socket)
    },
    forget() {
      for (const { data } of open) data.isForgotten = true
    },
    close: () => server.stop(true),
  }
}
