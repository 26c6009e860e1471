// Runs on Node and on Bun: node peer.mjs <origin> <access token> <ticket> <room>. Prints the events as JSON.
// The import is by path, because Bun replaces the package of this name.
import WebSocket from '../../../node_modules/ws/lib/websocket.js'

const [origin, token, ticket, room] = process.argv.slice(2)
const address = `${origin.replace('http', 'ws')}/api/v1/ws`

/** Connects and returns an object that yields the received messages in order. */
async function connect(query = '', ...options) {
  const socket = new WebSocket(address + query, ...options)
  const arrived = []
  const wanted = []
  socket.on('message', (data, isBinary) => {
    const message = isBinary ? 'binary' : JSON.parse(data.toString())
    const give = wanted.shift()
    if (give) give(message)
    else arrived.push(message)
  })
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const next = () => arrived.shift() ?? new Promise((resolve) => wanted.push(resolve))
  const ask = (message) => {
    socket.send(JSON.stringify(message))
    return next()
  }
  const closed = () => new Promise((resolve) => socket.once('close', (code) => resolve(code)))
  return { socket, next, ask, closed }
}

const byProtocol = await connect('', ['bearer', token])
const byHeader = await connect('', { headers: { authorization: `Bearer ${token}` } })
const byTicket = await connect(`?ticket=${ticket}`)
const byMessage = await connect()
const again = await connect(`?ticket=${ticket}`).catch((error) => error.message)

const ready = [await byProtocol.next(), await byHeader.next(), await byTicket.next()]
ready.push(await byMessage.ask({ type: 'auth', token }))
const pong = new Promise((resolve) => byHeader.socket.once('pong', (data) => resolve(data.toString())))
byHeader.socket.ping('over there')

const subscribed = await byProtocol.ask({ type: 'subscribe', channel: room, id: 1 })
const published = await byHeader.ask({ type: 'publish', channel: room, data: { text: 'Grüße 🦊' }, id: 'a' })
const heard = await byProtocol.next()
const long = await byTicket.ask({ type: 'publish', channel: room, data: 'x'.repeat(60_000) })
const heardLong = await byProtocol.next()

byTicket.socket.send('x'.repeat(64 * 1024 + 1))
const tooBig = await byTicket.closed()
const closing = byMessage.closed()
byMessage.socket.close(4000, 'enough')
const outcome = {
  protocol: byProtocol.socket.protocol,
  extensions: byProtocol.socket.extensions,
  ready: ready.map(({ type }) => type),
  again,
  pong: await pong,
  answers: [subscribed, published].map(({ type, id }) => ({ type, id })),
  heard: heard.data,
  long: [long.type, heardLong.data.length],
  tooBig,
  closed: await closing,
}
byHeader.socket.terminate()
byProtocol.socket.close(1000)
await byProtocol.closed()
await new Promise((resolve) => process.stdout.write(JSON.stringify(outcome), resolve))
process.exit(0)
