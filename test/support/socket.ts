/** What a server message looks like to a test: fields are what the test is about. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into messages whose shape is what they are about.
export type Received = { type: string } & Record<string, any>

type Options = {
  token?: string
  protocols?: string[]
  query?: Record<string, string>
  headers?: Record<string, string>
}

export type TestSocket = Awaited<ReturnType<typeof openSocket>>

const patienceMilliseconds = 5000

/** Connects to `/api/v1/ws` and keeps everything that arrives. */
export async function openSocket(url: string, { token, protocols, query = {}, headers = {} }: Options = {}) {
  const address = `${url.replace('http', 'ws')}/api/v1/ws?${new URLSearchParams(query)}`
  const socket = new WebSocket(address, {
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
    ...(protocols && { protocols }),
  })
  const received: Received[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  let end: { code: number; reason: string } | null = null
  socket.addEventListener('message', ({ data }) => {
    received.push(JSON.parse(String(data)))
    wake()
  })
  socket.addEventListener('close', ({ code, reason }) => {
    end = { code, reason }
    wake()
  })
  await new Promise((resolve) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('close', resolve)
  })

  /** Waits until `find` finds something. */
  function until<T>(find: () => T | null | undefined, what: string): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const look = () => {
      const found = find()
      if (found === null || found === undefined) return
      finish()
      resolve(found)
    }
    const timer = setTimeout(() => {
      finish()
      reject(new Error(`waited in vain for ${what}; came: ${JSON.stringify({ received, end })}`))
    }, patienceMilliseconds)
    const finish = () => {
      clearTimeout(timer)
      waiting.delete(look)
    }
    waiting.add(look)
    look()
    return promise
  }

  let lastId = 0
  const send = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  const of = (type: string) => received.filter((message) => message.type === type)

  return {
    socket,
    received,
    of,
    send,
    /** The first message of a type that satisfies `wanted`. */
    next: (type: string, wanted: (message: Received) => boolean = () => true) =>
      until(() => of(type).find(wanted), type),
    /** As many messages of a type. */
    many: (type: string, count: number) =>
      until(() => (of(type).length >= count ? of(type) : null), `${count} of ${type}`),
    /** Sends a message and answers what the server replies to it. */
    ask(message: Record<string, unknown>) {
      const id = ++lastId
      send({ ...message, id })
      return until(() => received.find((reply) => reply['id'] === id), `an answer to ${message['type']}`)
    },
    /** How the socket ended. */
    closed: () => until(() => end, 'the end'),
    get isOpen() {
      return end === null
    },
    close() {
      socket.close()
      return until(() => end, 'the end')
    },
  }
}
