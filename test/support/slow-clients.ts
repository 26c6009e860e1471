import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** A slow client sends `start` at once and `drip` every two seconds, or nothing more without it. */
type Slow = { start: string; drip?: string; neverReads?: boolean }

const dripSeconds = 2
const login = 'POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n`

/** Ways to occupy a connection with few bytes. The keys are names of tests. */
export const slowly: Record<string, Slow> = {
  'says nothing': { start: '' },
  'sends a request line byte by byte': { start: 'GET /', drip: 'a' },
  'sends a header byte by byte': { start: `${get('/livez')}X-A: `, drip: 'a' },
  'sends one header after the other': { start: get('/livez'), drip: 'X-A: a\r\n' },
  'sends a body byte by byte': { start: `${login}Content-Length: 5000\r\n\r\n{`, drip: ' ' },
  'sends a body in chunks of one byte': {
    start: `${login}Transfer-Encoding: chunked\r\n\r\n`,
    drip: '1\r\n \r\n',
  },
  'sends the length of a chunk digit by digit': {
    start: `${login}Transfer-Encoding: chunked\r\n\r\n`,
    drip: '0',
  },
  'sends a body that no route reads': {
    start: 'POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n',
    drip: ' ',
  },
  'keeps its connection and asks no more': { start: `${get('/livez')}\r\n` },
  'never reads its answer': { start: `${get('/docs/assets/swagger-ui-bundle.js')}\r\n`, neverReads: true },
}

/**
 * Opens a slow connection. `ended` resolves with its duration and the received text, `cut` closes it. `ca` is the trusted
 * certificate for TLS.
 */
export function openSlow(url: string, { start, drip, neverReads }: Slow, ca?: string) {
  const address = { host: new URL(url).hostname, port: Number(new URL(url).port) }
  const { promise: ended, resolve } = Promise.withResolvers<{ seconds: number; answer: string }>()
  const startedAt = performance.now()
  let answer = ''
  const begin = () => {
    socket.write(start)
    if (neverReads) socket.pause()
  }
  const socket = ca === undefined ? connect(address, begin) : connectTls({ ...address, ca }, begin)
  const dripping = drip ? setInterval(() => socket.writable && socket.write(drip), dripSeconds * 1000) : null
  const end = () => {
    if (dripping) clearInterval(dripping)
    socket.destroy()
    resolve({ seconds: (performance.now() - startedAt) / 1000, answer })
  }
  if (!neverReads) socket.on('data', (data) => (answer += data.toString()))
  for (const event of ['end', 'error', 'close']) socket.on(event, end)
  return { ended, cut: end }
}
