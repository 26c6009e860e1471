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

/** The service in a process of its own, whose memory and descriptors can be seen, and people who know it. */
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
    /** Bytes in memory that are the process's own; files it maps are not. */
    memory: () => memoryOf(process.pid),
    /** Collects the garbage, and answers how many objects are left. */
    objects: async () => (await probe.look(process.pid)).objectCount,
    descriptors: () => readdirSync(`/proc/${process.pid}/fd`).length,
    /** Descriptors that are connections: the embedded database opens and closes files as it likes. */
    connections: () => connectionsOf(process.pid),
    /** Access tokens of so many users. */
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

/** What the service uses once that does not change any more: its collector runs when it likes. */
export async function settled(stage: Stage, seconds: number): Promise<Usage> {
  let least = Number.POSITIVE_INFINITY
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await Bun.sleep(250))
    least = Math.min(least, stage.memory())
  return { memory: least, descriptors: stage.descriptors() }
}

/** Connects, is told `ready` and closes, so many times. */
export async function cycle(stage: Stage, tokens: string[], count: number) {
  let left = count
  const one = async (token: string) => {
    while (left-- > 0) await (await signedInSocket(stage.url, token)).close()
  }
  await Promise.all(tokens.map(one))
}

/** Opens so many sockets that do nothing, and answers how to close them. */
export async function crowd(stage: Stage, count: number): Promise<() => Promise<unknown>> {
  const tokens = await stage.tokens(Math.ceil(count / socketsPerUser))
  const sockets: { close(): Promise<unknown> }[] = []
  await times(tokens.length, async (at) => {
    for (let n = at * socketsPerUser; n < Math.min(count, (at + 1) * socketsPerUser); n++)
      sockets.push(await signedInSocket(stage.url, tokens[at] ?? ''))
  })
  return () => Promise.all(sockets.map((socket) => socket.close()))
}

/** A request that wrote; `isMeanwhile` when the sockets were still coming. */
type Write = { status: number; milliseconds: number; isMeanwhile: boolean }
type Stampede = { ready: number; writes: Write[] }

/** Opens so many sockets at one instant and closes them at another: how many were told `ready`, and what was written over HTTP. */
export async function stampede(stage: Stage, count: number): Promise<Stampede> {
  const [writer, ...tokens] = await stage.tokens(1 + Math.ceil(count / socketsPerUser))
  const state = { isMeanwhile: true, isOver: false }
  const writing = keepWriting(stage, writer, state)
  const sockets = await times(count, (at) =>
    openSocket(stage.url, { token: tokens[at % tokens.length] ?? '' }),
  )
  const ready = await times(count, async (at) =>
    sockets[at]?.next('ready', anything, patience).catch(notReady),
  )
  state.isMeanwhile = false
  await Promise.all(sockets.map((socket) => socket.close()))
  await Bun.sleep(1000)
  state.isOver = true
  return { ready: ready.filter(Boolean).length, writes: await writing }
}

const patience = 40_000
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

/** One client sends 10,000 messages a second, and again when cut off, while another measures its round trips. */
export async function flood(stage: Stage, seconds: number): Promise<Flood> {
  const [bad = '', good = ''] = await stage.tokens(2)
  const watcher = await signedInSocket(stage.url, good)
  const state = { isOver: false, sent: 0, cutOffs: [] as number[] }
  const hundred = Buffer.concat(times100(() => frameOf('text', '{"type":"ping"}')))
  const keepSending = async () => {
    while (!state.isOver) {
      const flooder = await openRawSocket(stage.url, bad)
      // It goes on when it is asked to close.
      const send = setInterval(() => {
        flooder.write(hundred)
        state.sent += 100
      }, 10)
      state.cutOffs.push(await flooder.ended())
      await flooder.over().finally(() => clearInterval(send))
    }
  }
  // With three sockets, so that it always has one while it connects again.
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

/** The value that so many hundredths of the numbers do not exceed. */
export const percentile = (numbers: number[], hundredths: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.ceil((numbers.length * hundredths) / 100) - 1] ?? 0

type StallOptions = { readers: number; megabytes: number }

/**
 * Clients that stop reading while a room is busy: how each ended once it read again, and by how many bytes memory rose
 * meanwhile, at most; `usual` is how far it rises when the same is published to nobody.
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

/** Publishes so many bytes, and answers by how many the service's memory rose meanwhile, at most. */
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
