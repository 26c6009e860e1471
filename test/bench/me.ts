import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../support/client'
import { createTestDatabase, serverUrl } from '../support/database'
import { createPlayground, repository } from '../support/executable'

// Compares authenticated GET /users/me with Elysia that returns the same JSON, without and with @elysiajs/jwt.
// Servers and load generator (wrk, if installed) are separate processes, and the servers take turns.
// Usage: bun run bench [--telemetry]; TEST_DATABASE_URL adds PostgreSQL, --telemetry adds metrics and traces.

const rounds = 5
const secondsEach = 3
const warmUpSeconds = 2
const connections = 32
const ticksPerSecond = 100

type Target = { name: string; pid: number; url: string; token: string; runs: Run[] }
type Run = { rate: number; microseconds: number }

const playground = createPlayground()
const database = await createTestDatabase()
const jwtSecret = crypto.randomUUID()
const children: Bun.Subprocess[] = []
try {
  const embedded = await startFastkit('embedded', {})
  const me = await createClient(new URL(embedded.url).origin).me(embedded.token)
  // The peers return the same bytes as fastkit.
  const targets = [await startBare(me.text, embedded.token), await startJwt(me.text), embedded]
  if (serverUrl) targets.push(await startFastkit('PostgreSQL', { DATABASE_URL: database.url ?? '' }))
  if (Bun.argv.includes('--telemetry')) targets.push(...(await startObserved()))
  for (let round = -1; round < rounds; round++) {
    for (const target of targets) {
      const run = await load(target)
      // The first round warms up.
      if (round >= 0) target.runs.push(run)
    }
  }
  report(targets)
} finally {
  for (const child of children) {
    child.kill('SIGTERM')
    await child.exited
  }
  await playground.clear()
  await database.drop()
}

async function startBare(json: string, token: string): Promise<Target> {
  return { name: 'bare Elysia', ...(await startPeer('bare-elysia.ts', json)), token, runs: [] }
}

async function startJwt(json: string): Promise<Target> {
  return { name: 'Elysia with JWT', ...(await startPeer('elysia-jwt.ts', json)), runs: [] }
}

async function startObserved(): Promise<Target[]> {
  const { url } = await startPeer('collector.ts')
  const traces = { OTEL_EXPORTER_OTLP_ENDPOINT: url }
  const few = { ...traces, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }
  return [
    await startFastkit('metrics', { METRICS_PORT: '0' }),
    await startFastkit('1 trace in 100', few),
    await startFastkit('all traces', traces),
  ]
}

/** Starts a peer, which prints its address and, if it needs one, a token. */
async function startPeer(file: string, ...args: string[]) {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, file), ...args], {
    env: { NODE_ENV: 'production' },
    stdout: 'pipe',
  })
  children.push(child)
  const { value } = await child.stdout.getReader().read()
  const [url = '', token = ''] = new TextDecoder().decode(value).trim().split(' ')
  return { pid: child.pid, url, token }
}

async function startFastkit(name: string, env: Record<string, string>): Promise<Target> {
  const home = playground.emptyDir()
  const log = Bun.file(join(home, 'log'))
  const child = Bun.spawn([process.execPath, join(repository, 'src/main.ts'), 'serve'], {
    cwd: home,
    env: { PORT: '0', RATE_LIMIT: 'off', JWT_SECRET: jwtSecret, ...env },
    stdout: log,
  })
  children.push(child)
  const origin = await readyAt(log)
  const { access_token: token } = await createClient(origin).enter()
  const url = `${origin}/api/v1/users/me`
  return { name: `fastkit, ${name}`, pid: child.pid, url, token, runs: [] }
}

async function readyAt(log: Bun.BunFile): Promise<string> {
  for (const end = performance.now() + 20_000; performance.now() < end; await Bun.sleep(20)) {
    const ready = /"url":"([^"]+)".*"service\.ready"/.exec(await log.text())
    if (ready?.[1]) return ready[1]
  }
  throw new Error(`not ready:\n${await log.text()}`)
}

/** Requests per second and the CPU time of each, which says more on a busy machine. */
async function load({ pid, url, token }: Target): Promise<Run> {
  // A service that was idle while the others ran has released memory and compiled code.
  await rate({ url, token, seconds: warmUpSeconds })
  const before = cpuSeconds(pid)
  const perSecond = await rate({ url, token, seconds: secondsEach })
  const used = cpuSeconds(pid) - before
  return { rate: perSecond, microseconds: (used / (perSecond * secondsEach)) * 1e6 }
}

type Load = { url: string; token: string; seconds: number }

async function rate({ url, token, seconds }: Load): Promise<number> {
  const [many, long] = [String(connections), String(seconds)]
  const wrk = ['wrk', '-t1', `-c${many}`, `-d${long}s`, '-H', `Authorization: Bearer ${token}`, url]
  const own = [process.execPath, join(import.meta.dir, 'load.ts'), url, token, many, long]
  const child = Bun.spawn(Bun.which('wrk') ? wrk : own, { stdout: 'pipe' })
  const text = await child.stdout.text()
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1])
  if (!perSecond || text.includes('Non-2xx')) throw new Error(`the load failed:\n${text}`)
  return perSecond
}

/** CPU seconds in user and system mode from /proc; proc(5). */
function cpuSeconds(pid: number): number {
  const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
  const [user, system] = fields.split(' ').slice(11, 13).map(Number)
  return (Number(user) + Number(system)) / ticksPerSecond
}

function report(targets: Target[]) {
  const [bare] = targets
  for (const { name, runs } of targets) {
    const ratioOf = (choose: (run: Run, bare: Run) => number) =>
      median(runs.map((run, round) => choose(run, bare?.runs[round] ?? run))).toFixed(2)
    const rate = median(runs.map((run) => run.rate)).toFixed(0)
    const cost = median(runs.map((run) => run.microseconds)).toFixed(1)
    console.log(
      [
        name.padEnd(22),
        `${rate.padStart(6)} requests/s, ratio ${ratioOf((run, of) => run.rate / of.rate)}`,
        `${cost.padStart(6)} µs of CPU each, ratio ${ratioOf((run, of) => of.microseconds / run.microseconds)}`,
      ].join('   '),
    )
  }
}

function median(numbers: number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0
}
