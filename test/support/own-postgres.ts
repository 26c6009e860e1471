import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { freePort } from './ports'

/** How a server ends: when its clients have left, at once and tidily, or as after a power cut. */
type StopMode = 'smart' | 'fast' | 'immediate'

/** A PostgreSQL server that a test may stop, freeze and misconfigure as it likes. */
export type OwnPostgres = {
  /** As the role `fastkit`, which is no superuser, to its database of the same name. */
  url: string
  /** As the superuser, to the same database. */
  superUrl: string
  /** Of the postmaster, as long as it runs. */
  readonly pid: number
  start(): Promise<void>
  stop(mode?: StopMode): Promise<void>
  restart(mode?: StopMode): Promise<void>
  /** Stops every process of the server with SIGSTOP: connections stay open and nothing answers. */
  pause(): void
  resume(): void
  /** Runs statements as the superuser, on a connection of their own. */
  run(...statements: string[]): Promise<void>
  /** The same in another database. */
  runOn(database: string, ...statements: string[]): Promise<void>
  /** Ends the server and removes its directory. */
  remove(): Promise<void>
}

const password = 'own'
const signals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const
const startWithinMilliseconds = 30_000

const bin = newestBin()

/** Why there is no server of one's own, or `null`: `describe.skipIf(noOwnPostgres !== null)`. */
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
    // Dies with this process, so that a test which is killed leaves no server behind.
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

/** PostgreSQL refuses to run as root. */
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

/** The parent first, so that none is born meanwhile; a process may be gone when its turn comes. */
function signalTree(pid: number, signal: NodeJS.Signals) {
  try {
    process.kill(pid, signal)
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
    for (const child of children.filter(Boolean)) signalTree(Number(child), signal)
  } catch {
    // Gone, and its children with it.
  }
}
