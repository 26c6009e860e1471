import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createClient } from './client'
import { createTestDatabase } from './database'
import { frameOf, openRawSocket } from './frames'
import { createHeapProbe } from './heap'
import { times } from './many-sockets'
import { createOperator } from './operator'
import { openSocket, signedInSocket } from './socket'

const socketsPerUser = 20
const mebibyte = 1024 * 1024

type Stage = Awaited<ReturnType<typeof createStage>>

/** Starts the service in a separate process, measures its memory and descriptors, and creates users. */
export async function createStage(variables: Record<string, string> = {}) {
  const operator = createOperator()
  const database = await createTestDatabase()
  const env = {
    JWT_SECRET: crypto.randomUUID(),
    ...(database.url && { DATABASE_URL: database.url }),
    ...variables,
  }
  const cwd = operator.emptyDir()
  const probe = createHeapProbe(cwd)
  const process = await operator.serve({ cwd, env: { ...env, ...probe.env } }, probe.options)
  const client = createClient(process.url)
  return {
    ...client,
    /** The private memory in bytes, without mapped files. */
    memory: () => memoryOf(process.pid),
    /** Collects garbage, and returns the number of objects. */
    objects: async () => (await probe.measure(process.pid)).objectCount,
    descriptors: () => readdirSync(`/proc/${process.pid}/fd`).length,
    /** The number of open connections. Files are left out, because the embedded database opens them on demand. */
    connections: () => connectionsOf(process.pid),
    /** Access tokens of `count` users. */
    async tokens(count: number): Promise<string[]> {
      const tokens: string[] = []
      while (tokens.length < count) {
        const some = await times(Math.min(10, count - tokens.length), () => client.enter())
        tokens.push(...some.map(({ access_token }) => access_token))
      }
      return tokens
    },
    async end() {
      const exitCode = await process.end('SIGTERM')
      await operator.clear()
      await database.drop()
      return exitCode
    },
  }
}

function memoryOf(pid: number): number {
  const kibibytes = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kibibytes) * 1024
}

function connectionsOf(pid: number): number {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).filter((name) => targetOf(`${folder}/${name}`).startsWith('socket:')).length
}

function targetOf(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return 'closed meanwhile'
  }
}

type Usage = { memory: number; descriptors: number }

/** The usage once it is stable, because the garbage collector runs at any time. */
export async function settled(stage: Stage, seconds: number): Promise<Usage> {
  let lowest = Number.POSITIVE_INFINITY
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await Bun.sleep(250))
    lowest = Math.min(lowest, stage.memory())
  return { memory: lowest, descriptors: stage.descriptors() }
}

/** Connects, receives `ready` and closes, `count` times. */
export async function cycle(stage: Stage, tokens: string[], count: number) {
  let left = count
  const one = async (token: string) => {
    while (left-- > 0) await (await signedInSocket(stage.url, token)).close()
  }
  await Promise.all(tokens.map(one))
}

/** Opens `count` idle sockets. Returns a function that closes them. */
export async function crowd(stage: Stage, count: number): Promise<() => Promise<unknown>> {
  const tokens = await stage.tokens(Math.ceil(count / socketsPerUser))
  const sockets: { close(): Promise<unknown> }[] = []
  await times(tokens.length, async (at) => {
    for (let n = at * socketsPerUser; n < Math.min(count, (at + 1) * socketsPerUser); n++)
      sockets.push(await signedInSocket(stage.url, tokens[at] ?? ''))
  })
  return () => Promise.all(sockets.map((socket) => socket.close()))
}

/** A writing request; `isMeanwhile` is true while sockets were still connecting. */
type Write = { status: number; milliseconds: number; isMeanwhile: boolean }
type Stampede = { ready: number; writes: Write[] }

/** Opens and closes `count` sockets at once. Returns how many received `ready`, and the writes over HTTP. */
export async function stampede(stage: Stage, count: number): Promise<Stampede> {
  const [writer, ...tokens] = await stage.tokens(1 + Math.ceil(count / socketsPerUser))
  const state = { isMeanwhile: true, isOver: false }
  const writing = keepWriting(stage, writer, state)
  const sockets = await times(count, (at) =>
    openSocket(stage.url, { token: tokens[at % tokens.length] ?? '' }),
  )
  const ready = await times(count, async (at) =>
    sockets[at]?.next('ready', anything, timeoutMilliseconds).catch(notReady),
  )
  state.isMeanwhile = false
  await Promise.all(sockets.map((socket) => socket.close()))
  await Bun.sleep(1000)
  state.isOver = true
  return { ready: ready.filter(Boolean).length, writes: await writing }
}

const timeoutMilliseconds = 40_000
const anything = () => true
const notReady = () => null

async function keepWriting(
  stage: Stage,
  token: string | undefined,
  state: { isMeanwhile: boolean; isOver: boolean },
) {
  const writes: Write[] = []
  for (; !state.isOver; await Bun.sleep(50)) {
    const startedAt = performance.now()
    const body = { display_name: `at ${startedAt}` }
    const { status } = await stage.call('PATCH /api/v1/users/me', { token, body })
    writes.push({ status, milliseconds: performance.now() - startedAt, isMeanwhile: state.isMeanwhile })
  }
  return writes
}

type Flood = { sent: number; cutOffs: number[]; roundTrips: number[] }

/** Sends 10,000 messages a second from one client, reconnecting, while another measures round trips. */
export async function flood(stage: Stage, seconds: number): Promise<Flood> {
  const [bad = '', good = ''] = await stage.tokens(2)
  const watcher = await signedInSocket(stage.url, good)
  const state = { isOver: false, sent: 0, cutOffs: [] as number[] }
  const hundred = Buffer.concat(times100(() => frameOf('text', '{"type":"ping"}')))
  const keepSending = async () => {
    while (!state.isOver) {
      const flooder = await openRawSocket(stage.url, bad)
      // The flood continues after the close request of the server.
      const send = setInterval(() => {
        flooder.write(hundred)
        state.sent += 100
      }, 10)
      state.cutOffs.push(await flooder.ended())
      await flooder.over().finally(() => clearInterval(send))
    }
  }
  // Three sockets, so that one is always open while others reconnect.
  const flooding = times(3, keepSending)
  const roundTrips: number[] = []
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await Bun.sleep(22)) {
    const startedAt = performance.now()
    await watcher.ask({ type: 'ping' })
    roundTrips.push(performance.now() - startedAt)
  }
  state.isOver = true
  await flooding
  await watcher.close()
  return { sent: state.sent, cutOffs: state.cutOffs, roundTrips }
}

const times100 = <T>(make: () => T): T[] => Array.from({ length: 100 }, make)

/** The percentile of the numbers. */
export const percentile = (numbers: number[], hundredths: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.ceil((numbers.length * hundredths) / 100) - 1] ?? 0

type StallOptions = { readers: number; megabytes: number }

/**
 * Runs clients that stop reading a busy room. Returns how each was closed and the peak growth of memory in bytes;
 * `usual` is the growth when the same is published to nobody.
 */
export async function stall(stage: Stage, { readers, megabytes }: StallOptions) {
  const [writer = '', ...tokens] = await stage.tokens(readers + 1)
  const room = `room:${crypto.randomUUID()}`
  const fill = () => publishALot(stage, { writer, room, bytes: megabytes * mebibyte })
  await fill()
  const usual = await fill()
  const stalled = await Promise.all(
    tokens.map(async (token) => {
      const reader = await openRawSocket(stage.url, token)
      reader.send({ type: 'subscribe', channel: room })
      await reader.text('subscribed')
      reader.socket.pause()
      return reader
    }),
  )
  const rise = await fill()
  for (const reader of stalled) reader.socket.resume()
  const codes = await Promise.all(stalled.map((reader) => reader.ended()))
  for (const reader of stalled) reader.destroy()
  return { codes, usual, rise }
}

/** Publishes a number of bytes, and returns the peak growth of the memory of the service. */
async function publishALot(
  stage: Stage,
  { writer, room, bytes }: { writer: string; room: string; bytes: number },
) {
  const before = (await settled(stage, 1)).memory
  const body = { data: 'x'.repeat(60_000) }
  let most = before
  for (let published = 0; published < bytes; published += body.data.length) {
    const { status } = await stage.call(`POST /api/v1/channels/${room}/messages`, { token: writer, body })
    if (status !== 201) throw new Error(`publish answered ${status}`)
    most = Math.max(most, stage.memory())
  }
  return most - before
}
