import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../support/client'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { createPlayground } from '../support/executable'
import { freePort } from '../support/ports'

// Measures start time and idle memory of dist/fastkit; TEST_DATABASE_URL adds PostgreSQL.
// Linux only; counting syncs needs strace. Usage: bun test/bench/startup.ts

const runs = 9
const idleMilliseconds = 5000
const commits = 20

const playground = createPlayground()
const fastkit = await playground.install()
try {
  report('size', `${(statSync(fastkit).size / 1e6).toFixed(1)} MB`)
  await benchEmbedded()
  await benchServer()
  await countSyncs()
} finally {
  await playground.clear()
}

async function benchEmbedded() {
  const cwd = playground.emptyDir()
  const empty = () => rmSync(join(cwd, 'data'), { recursive: true, force: true })
  report('ready, fresh embedded directory', await startTimes({ cwd, before: empty }))
  report('ready, existing embedded directory', await startTimes({ cwd }))
  report('idle memory, embedded', await idleMemory({ cwd }))
}

async function benchServer() {
  if (!serverUrl) return
  const { url, drop } = await createTestDatabase()
  const cwd = playground.emptyDir()
  const env = { DATABASE_URL: url ?? '', JWT_SECRET: crypto.randomUUID() }
  try {
    await playground.run(fastkit, { args: ['migrate'], cwd, env })
    report('ready, migrated PostgreSQL', await startTimes({ cwd, env }))
    report('idle memory, PostgreSQL', await idleMemory({ cwd, env }))
  } finally {
    await drop()
  }
}

type Place = { cwd: string; env?: Record<string, string> }

/** Milliseconds from the spawn to the first 200 of /readyz. */
async function startTimes({ before = nothing, ...place }: Place & { before?: () => unknown }) {
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    before()
    const { child, milliseconds } = await start(place)
    times.push(milliseconds)
    await stop(child)
  }
  const [best = 0, median = 0, worst = 0] = [0, runs >> 1, runs - 1].map(
    (at) => times.toSorted((a, b) => a - b)[at],
  )
  return `${median.toFixed(0)} ms (${best.toFixed(0)} to ${worst.toFixed(0)}, ${runs} runs)`
}

async function idleMemory(place: Place) {
  const { child } = await start(place)
  await Bun.sleep(idleMilliseconds)
  const [, kibibytes] = readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/) ?? []
  await stop(child)
  return `${((Number(kibibytes) * 1024) / 1e6).toFixed(0)} MB`
}

async function start({ cwd, env = {} }: Place) {
  const port = freePort()
  const startedAt = performance.now()
  const child = Bun.spawn([fastkit], {
    cwd,
    env: { ...env, PORT: String(port), LOG_LEVEL: 'error' },
    stdout: 'ignore',
    stderr: 'inherit',
  })
  const url = `http://127.0.0.1:${port}`
  while (!(await isReady(url))) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`)
    await Bun.sleep(1)
  }
  return { child, url, milliseconds: performance.now() - startedAt }
}

async function stop(child: Bun.Subprocess) {
  child.kill('SIGTERM')
  await child.exited
}

function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    ({ status }) => status === 200,
    () => false,
  )
}

/** Counts the syncs to disk. Each rotation of a refresh token is one commit. */
async function countSyncs() {
  if (!Bun.which('strace')) return
  const cwd = playground.emptyDir()
  const { child, url } = await start({ cwd })
  const { enter, refresh } = createClient(url)
  let { refresh_token } = await enter()
  const trace = join(cwd, 'trace')
  const strace = Bun.spawn(
    ['strace', '-f', '-e', 'trace=fsync,fdatasync', '-o', trace, '-p', String(child.pid)],
    { stderr: 'pipe' },
  )
  await strace.stderr.getReader().read()
  for (let done = 0; done < commits; done++) ({ refresh_token } = (await refresh(refresh_token)).body)
  strace.kill('SIGINT')
  await strace.exited
  await stop(child)
  const syncs = readFileSync(trace, 'utf8').match(/f(data)?sync\(.*= 0/g)?.length ?? 0
  report('syncs for embedded commits', `${syncs} for ${commits}`)
}

function report(name: string, value: string) {
  console.log(`${name.padEnd(38)}${value}`)
}
