import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

type Run = { args?: string[]; env?: Record<string, string>; cwd?: string; input?: string }
type LogLine = { event: string } & Record<string, unknown>

export const repository = join(import.meta.dir, '../..')
const built = join(repository, 'dist/fastkit')
const recorder = join(import.meta.dir, 'coverage-recorder.ts')
const { COVERAGE_DIR } = Bun.env

/** The path of `dist/fastkit`, built if it is missing or older than its sources. */
async function currentExecutable(): Promise<string> {
  if (existsSync(built) && statSync(built).mtimeMs >= newestSource()) return built
  const build = Bun.spawn([process.execPath, 'run', 'build'], { cwd: repository, stderr: 'pipe' })
  if ((await build.exited) !== 0) throw new Error(await new Response(build.stderr).text())
  return built
}

function newestSource(): number {
  // A glob of Bun finds nothing when a brace contains a slash.
  const patterns = ['{src,drizzle}/**', '{package.json,bun.lock}']
  const paths = patterns.flatMap((pattern) => [
    ...new Bun.Glob(pattern).scanSync({ cwd: repository, absolute: true }),
  ])
  return Math.max(...paths.map((path) => statSync(path).mtimeMs))
}

/** Creates directories and processes. `clear()` removes and ends them. */
export function createPlayground() {
  const dirs: string[] = []
  const children = new Set<Bun.Subprocess>()

  function emptyDir(): string {
    const dir = mkdtempSync(join(tmpdir(), 'fastkit-run-'))
    dirs.push(dir)
    return dir
  }

  /** A copy in a directory without other files, so that the executable cannot use any. */
  async function install(): Promise<string> {
    const path = join(emptyDir(), 'fastkit')
    copyFileSync(await currentExecutable(), path)
    return path
  }

  /** Runs the executable without the environment of this process. */
  function spawn(executable: string, { args = [], env = {}, cwd = emptyDir(), input = '' }: Run) {
    const command = { args: [executable, ...args], env }
    const { args: all, env: environment } = executable === process.execPath ? recorded(command) : command
    const stdin = Buffer.from(input)
    const child = Bun.spawn(all, { cwd, env: environment, stdin, stdout: 'pipe', stderr: 'pipe' })
    children.add(child)
    child.exited.then(() => children.delete(child))
    return child
  }

  async function clear() {
    for (const child of children) {
      child.kill('SIGKILL')
      await child.exited
    }
    for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true })
  }

  return {
    emptyDir,
    install,
    clear,
    run: async (executable: string, how: Run = {}) => outcome(spawn(executable, how)),
    serve: async (executable: string, how: Run = {}) =>
      untilLogged('service.ready', spawn(executable, asService(how))),
    /** Like `serve`, but returns when the service listens, before it is ready. */
    listen: async (executable: string, how: Run = {}) =>
      untilLogged('service.listening', spawn(executable, asService(how))),
    /** Like `serve`, without waiting. */
    launch: (executable: string, how: Run = {}) => watch(spawn(executable, asService(how))),
  }
}

/** Adds the coverage recorder to a process that runs from source. */
function recorded({ args: [bun = '', ...args], env }: { args: string[]; env: Record<string, string> }) {
  if (!COVERAGE_DIR) return { args: [bun, ...args], env }
  return { args: [bun, `--preload=${recorder}`, ...args], env: { ...env, COVERAGE_DIR } }
}

const asService = (how: Run) => ({ ...how, env: { PORT: '0', SHUTDOWN_DELAY: '1ms', ...how.env } })

type Child = Bun.Subprocess<Buffer, 'pipe', 'pipe'>

async function outcome(child: Child) {
  const startedAt = performance.now()
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ])
  return { exitCode, stdout, stderr, milliseconds: performance.now() - startedAt }
}

/** Reads the log while the service runs, and waits for events. */
function watch(child: Child) {
  const lines: LogLine[] = []
  const waiting = new Set<() => void>()
  const stderr = new Response(child.stderr).text()
  const allRead = (async () => {
    for await (const line of textLines(child.stdout)) {
      lines.push(parseLine(line))
      for (const check of waiting) check()
    }
  })()

  function until(event: string): Promise<LogLine> {
    const { promise, resolve, reject } = Promise.withResolvers<LogLine>()
    const check = () => {
      const line = lines.find((line) => line.event === event)
      if (line) resolve(line)
    }
    waiting.add(check)
    check()
    void allRead.then(async () => reject(new Error(`no ${event}: ${await stderr}`)))
    return promise.finally(() => waiting.delete(check))
  }
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    await allRead
    return child.exited
  }
  return { pid: child.pid, lines, stderr, until, end }
}

/** Waits for the event with the address of the service. */
async function untilLogged(wanted: 'service.ready' | 'service.listening', child: Child) {
  const process = watch(child)
  const url = String((await process.until(wanted))['url'])
  return { ...process, url, port: new URL(url).port }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line)
  } catch {
    throw new Error(`not a line of the log: ${line}`)
  }
}

async function* textLines(stream: ReadableStream<Uint8Array>) {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
