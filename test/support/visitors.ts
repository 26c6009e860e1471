import { connect, type Socket } from 'node:net'

type Visit = { status: number; code: string | null; sentAt: number; isLast: boolean; waitSeconds: number }

/** The results of many clients: each response, and every problem. */
export type Visits = { visits: Visit[]; problems: string[]; refused: number }

type Options = { url: string; visitors: number; perSecond: number; request: (n: number) => string }

/**
 * Runs clients that keep connections alive, obey Connection: close and Retry-After, and go on until the port is closed.
 * They parse HTTP themselves, because no HTTP client reports how a connection ended.
 */
export async function startVisitors(options: Options): Promise<Visits> {
  const result: Visits = { visits: [], problems: [], refused: 0 }
  let sent = 0
  const ask = () => options.request(sent++)
  await Promise.all(
    Array.from({ length: options.visitors }, (_, at) => visitAgainAndAgain({ ...options, at, ask, result })),
  )
  return result
}

type Visitor = Options & { at: number; ask: () => string; result: Visits }

async function visitAgainAndAgain({ url, visitors, perSecond, at, ask, result }: Visitor) {
  const pauseMilliseconds = (visitors / perSecond) * 1000
  await Bun.sleep((at / visitors) * pauseMilliseconds)
  let line = await openLine(url)
  while (line.fault !== 'ECONNREFUSED') {
    const startedAt = performance.now()
    const visit = await visitOnce(line, ask(), result)
    const wait = (visit?.waitSeconds ?? 0) * 1000 || pauseMilliseconds
    await Bun.sleep(Math.max(0, wait - (performance.now() - startedAt)))
    if (visit?.isLast !== false) line = await openLine(url)
  }
  result.refused++
}

type Line = Awaited<ReturnType<typeof openLine>>

async function visitOnce(line: Line, request: string, { visits, problems }: Visits): Promise<Visit | null> {
  const visit = await line.exchange(request)
  if (visit) visits.push(visit)
  if (visit?.isLast !== false) await line.closed()
  if (!visit || line.fault) problems.push(`${line.fault ?? 'closed'} after ${line.answers} answers`)
  return visit
}

async function openLine(url: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const line = { fault: null as string | null, answers: 0, exchange, closed: () => gone }
  let received = ''
  let check = () => {
    // No request is waiting yet.
  }
  let isGone = false
  const gone = new Promise<void>((resolve) =>
    socket.on('close', () => {
      isGone = true
      resolve()
      check()
    }),
  )
  socket.on('error', (error) => {
    line.fault = 'code' in error ? String(error.code) : error.message
  })
  socket.on('data', (data) => {
    received += data.toString('latin1')
    check()
  })
  await Promise.race([connected(socket), gone])

  /** Sends a request and returns the complete response; `null` when the connection ended before. */
  function exchange(request: string): Promise<Visit | null> {
    const sentAt = performance.now()
    const { promise, resolve } = Promise.withResolvers<Visit | null>()
    received = ''
    check = () => {
      const visit = parse(received, sentAt)
      if (visit) line.answers++
      if (visit || isGone) resolve(visit)
    }
    if (isGone) check()
    else socket.write(request)
    return promise
  }
  return line
}

const connected = (socket: Socket) => new Promise<void>((resolve) => socket.once('connect', () => resolve()))

function parse(received: string, sentAt: number): Visit | null {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return null
  const head = received.slice(0, end)
  const length = Number(/^content-length: (\d+)\r?$/im.exec(head)?.[1] ?? 0)
  const body = received.slice(end + 4)
  if (body.length < length) return null
  return {
    status: Number(head.split(' ')[1]),
    code: /"code":"(\w+)"/.exec(body)?.[1] ?? null,
    sentAt,
    isLast: /^connection: close\r?$/im.test(head),
    waitSeconds: Number(/^retry-after: (\d+)\r?$/im.exec(head)?.[1] ?? 0),
  }
}
