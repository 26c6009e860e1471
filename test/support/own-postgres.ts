import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from './ports'

/** The shutdown modes of PostgreSQL: smart, fast, or immediate. */
type StopMode = 'smart' | 'fast' | 'immediate'

/** A PostgreSQL server that a test can stop, freeze and reconfigure. */
export type OwnPostgres = {
  /** The URL for the role `fastkit`, which is not a superuser, and its database of the same name. */
  url: string
  /** The URL for the superuser and the same database. */
  superUrl: string
  /** The pid of the postmaster while it runs. */
  readonly pid: number
  start(): Promise<void>
  stop(mode?: StopMode): Promise<void>
  restart(mode?: StopMode): Promise<void>
  /** Stops every process of the server with SIGSTOP. Connections stay open without a reply. */
  pause(): void
  resume(): void
  /** Runs statements as the superuser on a new connection. */
  run(...statements: string[]): Promise<void>
  /** Runs statements in another database. */
  runOn(database: string, ...statements: string[]): Promise<void>
  /** Ends the server and removes its directory. */
  remove(): Promise<void>
}

const password = 'own'
const signals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const startWithinMilliseconds = 30_000

const bin = newestBin()

/** The reason why no private server can be started, or `null`: `describe.skipIf(noOwnPostgres !== null)`. */
export const noOwnPostgres =
  bin === null ? 'no PostgreSQL binaries under /usr/lib/postgresql (apt-get install postgresql)' : null

/** Makes a cluster in a temporary directory and starts it. `settings` are lines of postgresql.conf. */
export async function startOwnPostgres(settings: Record<string, string | number> = {}): Promise<OwnPostgres> {
  const home = mkdtempSync(join(tmpdir(), 'fastkit-postgres-'))
  const data = join(home, 'data')
  const port = freePort()
  await makeCluster(home, data)
  const all = {
    fsync: 'off',
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: home,
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`)
  writeFileSync(join(data, 'postgresql.auto.conf'), lines.join(''))

  let server: Bun.Subprocess | null = null
  const urlOf = (role: string, database: string) =>
    `postgres://${role}:${password}@127.0.0.1:${port}/${database}`
  const running = () => {
    if (!server) throw new Error('the server does not run')
    return server
  }
  const onServer = (database: string, ...statements: string[]) =>
    runOn(urlOf('postgres', database), statements)

  async function start() {
    // The server ends with this process, even when a test is killed.
    const log = Bun.file(join(home, 'log'))
    server = Bun.spawn(asPostgres('--pdeathsig=INT', 'postgres', '-D', data), {
      cwd: '/',
      stdout: log,
      stderr: log,
    })
    await untilItAnswers(urlOf('postgres', 'postgres'), server, home)
  }
  async function stop(mode: StopMode = 'fast') {
    const { pid, exited } = running()
    signalTree(pid, 'SIGCONT')
    process.kill(pid, signals[mode])
    await exited
    server = null
  }
  await start()
  await onServer(
    'postgres',
    `create role fastkit login createdb password '${password}'`,
    'create database fastkit owner fastkit',
  )
  return {
    url: urlOf('fastkit', 'fastkit'),
    superUrl: urlOf('postgres', 'fastkit'),
    get pid() {
      return running().pid
    },
    start,
    stop,
    async restart(mode) {
      await stop(mode)
      await start()
    },
    pause: () => signalTree(running().pid, 'SIGSTOP'),
    resume: () => signalTree(running().pid, 'SIGCONT'),
    runOn: onServer,
    run: (...statements) => onServer('fastkit', ...statements),
    async remove() {
      if (server) await stop('immediate')
      rmSync(home, { recursive: true, force: true })
    },
  }
}

function newestBin(): string | null {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).toSorted((a, b) => Number(b) - Number(a)) : []
  return (
    versions.map((version) => join(root, version, 'bin')).find((dir) => existsSync(join(dir, 'initdb'))) ??
    null
  )
}

/** Runs a command as `postgres`, because PostgreSQL refuses to run as root. */
function asPostgres(...[option, program, ...args]: [string, string, ...string[]]): string[] {
  if (!bin) throw new Error(noOwnPostgres ?? '')
  const who = process.getuid?.() === 0 ? ['--reuid=postgres', '--regid=postgres', '--init-groups'] : []
  return ['setpriv', option, ...who, join(bin, program), ...args]
}

async function makeCluster(home: string, data: string) {
  const passwordFile = join(home, 'password')
  writeFileSync(passwordFile, password)
  if (process.getuid?.() === 0) await succeed(['chown', '-R', 'postgres:', home])
  const how = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync', '-E', 'UTF8']
  await succeed(asPostgres('--pdeathsig=KILL', 'initdb', '-D', data, ...how, '--locale=C.UTF-8'))
}

async function succeed(command: string[]) {
  const child = Bun.spawn(command, { cwd: '/', stdout: 'ignore', stderr: 'pipe' })
  const said = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`${command.join(' ')}: ${said}`)
}

async function untilItAnswers(url: string, server: Bun.Subprocess, home: string) {
  const deadline = performance.now() + startWithinMilliseconds
  while (server.exitCode === null && performance.now() < deadline) {
    const hasAnswered = await runOn(url, ['select 1']).then(
      () => true,
      () => false,
    )
    if (hasAnswered) return
    await Bun.sleep(20)
  }
  throw new Error(`PostgreSQL did not start: ${readFileSync(join(home, 'log'), 'utf8')}`)
}

async function runOn(url: string, statements: string[]) {
  const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => undefined })
  try {
    for (const statement of statements) await sql.unsafe(statement)
  } finally {
    await sql.end({ timeout: 1 })
  }
}

/** Signals the parent first, so that it starts no process meanwhile. A process may have ended already. */
function signalTree(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    for (const child of children.filter(Boolean)) signalTree(Number(child), signal)
  } catch {
    // The process and its children have ended.
  }
}
