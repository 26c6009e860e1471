import { createMovableClock } from '../support/clock'
import { serverUrl } from '../support/database'
import { startTestService } from '../support/service'

// bun test/bench/login-timing.ts: does the time of a refused login tell who has an account? At the default cost of a
// hash, on the embedded database and, with TEST_DATABASE_URL, on PostgreSQL.

const tries = 300
const warmUps = 10
// What the environment would have if nobody set anything.
const defaultCost = { ARGON2_MEMORY_KIB: undefined, ARGON2_TIME: undefined }

const embedded = { databaseUrl: null, clock: createMovableClock() }
report('embedded', await measure(await startTestService(defaultCost, { beside: embedded })))
if (serverUrl) report('PostgreSQL', await measure(await startTestService(defaultCost)))

type Times = Record<string, number[]>

/** Milliseconds of refused logins of each kind, in turn and in every order, so that whatever slows one slows all. */
async function measure(service: Awaited<ReturnType<typeof startTestService>>): Promise<Times> {
  const [active, inactive] = [await service.register(), await service.register()]
  await service.sql`update users set is_active = false where id = ${inactive.id}`
  const kinds = {
    unknown: () => ({ email: service.newEmail(), password: active.password }),
    'wrong password': () => ({ email: active.email, password: 'not the password' }),
    deactivated: () => ({ email: inactive.email, password: inactive.password }),
  }
  const times: Times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]))
  try {
    for (let at = -warmUps; at < tries; at++) {
      for (const [kind, credentials] of rotated(Object.entries(kinds), at + warmUps)) {
        const startedAt = performance.now()
        const { status } = await service.call('POST /api/v1/auth/login', { body: credentials() })
        if (status !== 401) throw new Error(`${kind} answered ${status}`)
        if (at >= 0) times[kind]?.push(performance.now() - startedAt)
      }
    }
    return times
  } finally {
    await service.stop()
  }
}

function report(database: string, times: Times) {
  const medians = Object.entries(times).map(([kind, all]) => [kind, median(all)] as const)
  for (const [kind, time] of medians) print(`${database}, ${kind}`, `${time.toFixed(2)} ms`)
  const sorted = medians.map(([, time]) => time).toSorted((a, b) => a - b)
  const difference = (Number(sorted.at(-1)) / Number(sorted[0]) - 1) * 100
  print(`${database}, medians differ by`, `${difference.toFixed(1)} % (aim: within 5 %)`)
}

function rotated<T>(list: T[], by: number): T[] {
  return list.map((_, at) => list.at((at + by) % list.length)).filter((item) => item !== undefined)
}

function print(name: string, figure: string) {
  console.log(`${name.padEnd(38)}${figure}`)
}

function median(times: number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0
}
