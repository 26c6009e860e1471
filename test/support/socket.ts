import type { Sql } from 'postgres'
import { sendRaw } from './raw'

/** A message of the server. */
// biome-ignore lint/suspicious/noExplicitAny: a message has any shape, and each test asserts it.
export type Received = { type: string } & Record<string, any>

type Options = {
  token?: string
  protocols?: string[]
  query?: Record<string, string>
  headers?: Record<string, string>
  /** The trusted certificate for TLS. */
  ca?: string
}

const patienceMilliseconds = 5000

/** Connects to `/api/v1/ws` and keeps all received messages. */
export async function openSocket(url: string, options: Options = {}) {
  const { token, protocols, query = {}, headers = {}, ca } = options
  const address = `${url.replace('http', 'ws')}/api/v1/ws?${new URLSearchParams(query)}`
  const socket = new WebSocket(address, {
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
    ...(protocols && { protocols }),
    ...(ca !== undefined && { tls: { ca } }),
  })
  const received: Received[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const check of waiting) check()
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

  /** Waits until `find` returns a value. */
  function until<T>(
    find: () => T | null | undefined,
    what: string,
    milliseconds = patienceMilliseconds,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const check = () => {
      const found = find()
      if (found === null || found === undefined) return
      finish()
      resolve(found)
    }
    const timer = setTimeout(() => {
      finish()
      reject(new Error(`waited in vain for ${what}; came: ${JSON.stringify({ received, end })}`))
    }, milliseconds)
    const finish = () => {
      clearTimeout(timer)
      waiting.delete(check)
    }
    waiting.add(check)
    check()
    return promise
  }

  let lastId = 0
  const send = (message: unknown) =>
    socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  const of = (type: string) => received.filter((message) => message.type === type)

  return {
    socket,
    received,
    of,
    send,
    /** The first message of a type that satisfies `wanted`. */
    next: (type: string, wanted: (message: Received) => boolean = () => true, milliseconds?: number) =>
      until(() => of(type).find(wanted), type, milliseconds),
    /** Waits for a number of messages of a type. */
    many: (type: string, count: number) =>
      until(() => (of(type).length >= count ? of(type) : null), `${count} of ${type}`),
    /** Sends a message and returns the reply. */
    ask(message: Record<string, unknown>) {
      const id = ++lastId
      send({ ...message, id })
      return until(() => received.find((reply) => reply['id'] === id), `an answer to ${message['type']}`)
    },
    /** The close code and reason. */
    closed: () => until(() => end, 'the end'),
    isOpen: () => end === null,
    close() {
      socket.close()
      return until(() => end, 'the end')
    },
  }
}

type Handshake = { query?: string; headers?: Record<string, string | null> }

/** Sends a raw upgrade request. Returns status, headers and body of the response. `null` omits a header. */
export async function shakeHands(url: string, { query = '', headers = {} }: Handshake = {}) {
  const all = {
    Host: new URL(url).host,
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
  const request = [`GET /api/v1/ws${query} HTTP/1.1`, ...lines, '', ''].join('\r\n')
  const answer = await sendRaw(url, request, isWhole)
  const [head = '', text = ''] = answer.split('\r\n\r\n')
  const [first = '', ...fields] = head.split('\r\n')
  return {
    status: Number(first.split(' ')[1]),
    headers: new Headers(
      fields.map((field): [string, string] => [field.split(': ')[0] ?? '', field.split(': ')[1] ?? '']),
    ),
    // biome-ignore lint/suspicious/noExplicitAny: a body has any shape, and each test asserts it.
    body: (text.startsWith('{') ? JSON.parse(text) : null) as any,
  }
}

/** True when a response is as long as its Content-Length. */
export function isWhole(answer: string) {
  const [head = '', body] = answer.split('\r\n\r\n')
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  return body !== undefined && body.length >= length
}

type Home = {
  url: string
  sql: Sql
  enter(): Promise<{
    id: string
    email: string
    password: string
    access_token: string
    refresh_token: string
  }>
}

/** A new user or admin with a socket. */
export async function enterWithSocket(service: Home, { isAdmin = false } = {}) {
  const user = await service.enter()
  // The role changes before the first request, so that no cache has the old one.
  if (isAdmin) await service.sql`update users set role = 'admin' where id = ${user.id}`
  return { ...user, ...(await signedInSocket(service.url, user.access_token)) }
}

/** A socket that has received `ready`. */
export async function signedInSocket(url: string, token: string) {
  const socket = await openSocket(url, { token })
  await socket.next('ready')
  return socket
}
