import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { aPassword, createClient } from '../support/client'
import { createTestDatabase } from '../support/database'
import { createPlayground, repository } from '../support/executable'
import { type Record, visit } from '../support/guide-steps'
import { createHeapProbe } from '../support/heap'
import { from, newAddress } from '../support/many-sockets'
import { random } from '../support/random'
import { percentile } from '../support/soak'

// Sends mixed requests at a moderate rate and reports if memory grows; TEST_DATABASE_URL selects PostgreSQL.
// Each visit leaves some 40 objects until the caches (10,000 tokens, 10,000 sessions, 100,000 limit counters) are full.
// Usage: bun test/bench/soak.ts [minutes]

const minutes = Number(Bun.argv[2] ?? 20)
const visitors = 12
const requestsPerSecond = 60
const sampleMilliseconds = 5000
const mebibyte = 1024 * 1024
const admin = { email: 'admin@example.com', password: aPassword }

type Types = { [name: string]: number }
type Sample = {
  at: number
  memory: number
  heap: number
  objects: number
  types: Types
  descriptors: number
  lag: number
}

const playground = createPlayground()
const database = await createTestDatabase()
const service = await serve()
const record: Record = { milliseconds: new Map(), faults: new Map() }
const errors = new Map<string, number>()
const state = { isOver: false }
const samples: Sample[] = []

const work = Array.from({ length: visitors }, keepVisiting)
const endsAt = performance.now() + minutes * 60_000
while (performance.now() < endsAt) {
  await Bun.sleep(sampleMilliseconds)
  samples.push(await takeSample())
  countErrors()
}
state.isOver = true
await Promise.all(work)
const exitCode = await service.end('SIGTERM')
countErrors()
await playground.clear()
await database.drop()
report()

async function serve() {
  const cwd = playground.emptyDir()
  const probe = createHeapProbe(cwd)
  const env = {
    JWT_SECRET: crypto.randomUUID(),
    TRUSTED_PROXIES: '127.0.0.0/8,::1/128',
    ...probe.env,
    BOOTSTRAP_ADMIN_EMAIL: admin.email,
    BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    ...(database.url && { DATABASE_URL: database.url }),
  }
  const args = [...probe.options, join(repository, 'src/main.ts')]
  const running = await playground.serve(process.execPath, { args, cwd, env })
  return { ...running, probe }
}

async function keepVisiting() {
  const pauseMilliseconds = (1000 * visitors) / requestsPerSecond
  const pause = () => Bun.sleep(pauseMilliseconds * 2 * random())
  while (!state.isOver) {
    const token = await adminToken()
    if (token) await visit({ url: service.url, record, admin: token, pause })
    await pause()
  }
}

/** A new token for each visit, because a token expires before the soak ends. */
async function adminToken(): Promise<string | null> {
  const { call } = createClient(service.url)
  const answer = await call('POST /api/v1/auth/login', { body: admin, headers: from(newAddress()) }).catch(
    () => null,
  )
  return answer?.body?.access_token ?? null
}

async function takeSample(): Promise<Sample> {
  const { heapSize, objectCount, objectTypeCounts: types } = await service.probe.measure(service.pid)
  const { body } = await createClient(service.url).call('GET /readyz')
  return {
    at: performance.now(),
    memory: Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1]) * 1024,
    heap: heapSize,
    objects: objectCount,
    types,
    descriptors: readdirSync(`/proc/${service.pid}/fd`).length,
    lag: body.event_loop_lag_ms,
  }
}

/** Counts log lines of level error and discards the others. */
function countErrors() {
  for (const line of service.lines.splice(0)) {
    if (Number(line['level']) < 50) continue
    errors.set(line.event, (errors.get(line.event) ?? 0) + 1)
  }
}

function report() {
  const later = samples.slice(samples.length >> 1)
  const slope = (value: (sample: Sample) => number) =>
    slopeOf(later.map((sample) => [sample.at, value(sample)])) * 3_600_000
  const span = (value: (sample: Sample) => number) =>
    `${Math.min(...later.map(value))} to ${Math.max(...later.map(value))}`
  console.log(`${minutes} minutes, the second half:`)
  console.log(
    `memory ${(slope(({ memory }) => memory) / mebibyte).toFixed(1)} MiB an hour, ${span(({ memory }) => Math.round(memory / mebibyte))} MiB`,
  )
  console.log(
    `heap after collection ${(slope(({ heap }) => heap) / mebibyte).toFixed(1)} MiB an hour, ${span(({ heap }) => Math.round(heap / mebibyte))} MiB`,
  )
  console.log(
    `objects ${slope(({ objects }) => objects).toFixed(0)} an hour, ${span(({ objects }) => objects)}`,
  )
  console.log(
    `descriptors ${slope(({ descriptors }) => descriptors).toFixed(0)} an hour, ${span(({ descriptors }) => descriptors)}`,
  )
  console.log(
    `event-loop lag: median ${percentile(
      later.map(({ lag }) => lag),
      50,
    )} ms, most ${Math.max(...later.map(({ lag }) => lag))} ms`,
  )
  console.log(`most grown: ${grown(later[0]?.types ?? {}, later.at(-1)?.types ?? {})}`)
  console.log(`ended with ${exitCode}; log lines of level error: ${JSON.stringify([...errors])}`)
  console.log(`unexpected: ${JSON.stringify([...record.faults])}`)
  for (const [kind, all] of [...record.milliseconds].sort())
    console.log(
      `${kind.padEnd(36)} ${String(all.length).padStart(7)}  p50 ${percentile(all, 50).toFixed(1)}  p99 ${percentile(all, 99).toFixed(1)} ms`,
    )
}

/** The types of objects that grew most. */
function grown(first: Types, last: Types): string {
  const growth = Object.entries(last).map(([name, count]) => ({ name, by: count - (first[name] ?? 0) }))
  const most = growth.toSorted((a, b) => b.by - a.by).slice(0, 8)
  return most.map(({ name, by }) => `${name} ${by}`).join(', ')
}

/** The least-squares slope through points. */
function slopeOf(points: [x: number, y: number][]): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const x0 = mean(points.map(([x]) => x))
  const y0 = mean(points.map(([, y]) => y))
  const across = points.reduce((sum, [x, y]) => sum + (x - x0) * (y - y0), 0)
  return across / points.reduce((sum, [x]) => sum + (x - x0) ** 2, 0)
}
