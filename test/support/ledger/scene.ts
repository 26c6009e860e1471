import { join } from 'node:path'
import type { Sql } from 'postgres'
import { createClient } from '../client'
import { createMovableClock } from '../clock'
import { createPlayground, repository } from '../executable'
import { times } from '../many-sockets'
import { type OwnPostgres, startOwnPostgres } from '../own-postgres'
import { random } from '../random'
import { startTestService } from '../service'
import { type Book, createBook } from './book'
import { createWriter } from './writer'

const writers = 16
const writersWithSocket = 4
const leastWritten = 50
const patienceMilliseconds = 20_000

type Where = { isOnServer: boolean; isExecutable: boolean }
type Life = { url: string; milliseconds: number; end(signal: NodeJS.Signals): Promise<number> }

/** A service that is killed in each round, and writers that record what it acknowledged. */
export async function createScene({ isOnServer, isExecutable }: Where) {
  const playground = createPlayground()
  const server = isOnServer ? await startOwnPostgres({ fsync: 'on' }) : null
  const cwd = playground.emptyDir()
  const variables = {
    ARGON2_MEMORY_KIB: '64',
    ARGON2_TIME: '1',
    RATE_LIMIT: 'off',
    // The restart and the checks take time.
    REFRESH_GRACE: '1h',
    ACCESS_TOKEN_TTL: '1h',
    DATA_DIR: join(cwd, 'data'),
    JWT_SECRET: crypto.randomUUID(),
    ...(server && { DATABASE_URL: server.url }),
  }
  const [command, ...args] = isExecutable
    ? [await playground.install()]
    : [process.execPath, join(repository, 'src/main.ts')]
  const book = createBook()
  const people = Array.from({ length: writers }, (_, at) =>
    createWriter(book, { name: `writer${at}`, hasSocket: at < writersWithSocket }),
  )

  async function start(): Promise<Life> {
    const startedAt = performance.now()
    const { url, end } = await playground.serve(command ?? '', { args, cwd, env: variables })
    return { url, milliseconds: performance.now() - startedAt, end }
  }

  /** Writes for a while. Meanwhile the database is disconnected, if possible, and the service is killed. */
  async function writeUntilKilled({ url, end }: Life) {
    const round = { client: createClient(url), isOver: false }
    const work = Promise.all(people.map((writer) => writer.work(round)))
    await untilWritten(book, leastWritten)
    await Bun.sleep(between(0, 1000))
    if (server) await cutPower(server)
    await end('SIGKILL')
    round.isOver = true
    await work
    book.closeRooms()
  }

  async function check({ url }: Life) {
    const round = { client: createClient(url), isOver: false }
    await times(writers, (at) => people[at]?.check(round) ?? Promise.resolve())
    await book.checkAccounts(round.client)
    const token = people.find((writer) => writer.token !== '')?.token
    if (token) await book.checkRooms(round.client, token)
  }

  return {
    book,
    start,
    writeUntilKilled,
    check,
    /** Starts the service and kills it within half a second, possibly during its recovery. */
    async startAndKill() {
      const seconds = between(0.02, 0.5).toFixed(3)
      const killed = ['-s', 'KILL', seconds, command ?? '', ...args]
      await playground.run('/usr/bin/timeout', { args: killed, cwd, env: { ...variables, PORT: '0' } })
    },
    /** Runs `inspectRows` on the database after the service has ended. */
    async inspect(inspectRows: (sql: Sql) => Promise<void>) {
      const beside = { databaseUrl: server?.url ?? null, clock: createMovableClock() }
      const service = await startTestService(variables, { beside })
      await inspectRows(service.sql).finally(service.stop)
    },
    async clear() {
      await playground.clear()
      await server?.remove()
    },
  }
}

/** Waits for the first writes, which takes a while on a busy machine. */
async function untilWritten({ acknowledged }: Book, minimum: number) {
  const before = total(acknowledged)
  const deadline = performance.now() + patienceMilliseconds
  while (total(acknowledged) < before + minimum && performance.now() < deadline) await Bun.sleep(5)
}

const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

const between = (minimum: number, maximum: number) => minimum + random() * (maximum - minimum)

/** Restarts the database as after a power cut, and lets the service run on for a moment. */
async function cutPower(server: OwnPostgres) {
  await server.restart('immediate')
  await Bun.sleep(between(0, 1000))
}
