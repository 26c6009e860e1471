import { describe, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { faultsIn, rebuild } from '../support/ledger/faults'
import { createScene } from '../support/ledger/scene'
import { noOwnPostgres } from '../support/own-postgres'

// LEDGER_ROUNDS=50 bun test --timeout=3600000 test/crash/ledger.test.ts runs the long version with the executable.

const { LEDGER_ROUNDS } = Bun.env
const isOnServer = serverUrl !== null
const rounds = Number(LEDGER_ROUNDS ?? (isOnServer ? 2 : 4))
const buildMilliseconds = 180_000
const isKilledAtStart = (round: number) => round % 4 === 2

describe.skipIf(isOnServer && noOwnPostgres !== null)('kill -9 while 16 writers write', () => {
  test(
    `${rounds} times: acknowledged writes are kept, and no transaction is partial`,
    async () => {
      const scene = await createScene({ isOnServer, isExecutable: LEDGER_ROUNDS !== undefined })
      try {
        const restarts = await live(scene)
        const { losses, acknowledged, roomCount } = scene.book
        expect(losses).toEqual([])
        expect(Math.min(...Object.values(acknowledged))).toBeGreaterThan(rounds)
        await scene.inspect(async (sql) => {
          expect(await faultsIn(sql)).toEqual([])
          expect(await rebuild(sql)).toMatchObject({ tables: expect.any(Number) })
        })
        const numbers = {
          rounds,
          ...acknowledged,
          rooms: roomCount,
          losses: losses.length,
          ...numbersOf(restarts),
        }
        if (LEDGER_ROUNDS) process.stdout.write(`${JSON.stringify(numbers)}\n`)
      } finally {
        await scene.clear()
      }
    },
    buildMilliseconds + rounds * 60_000,
  )
})

/** Returns how long each start took. */
async function live(scene: Awaited<ReturnType<typeof createScene>>): Promise<number[]> {
  const restarts: number[] = []
  let life = await scene.start()
  for (let round = 1; round <= rounds; round++) {
    await scene.writeUntilKilled(life)
    if (isKilledAtStart(round)) await scene.startAndKill()
    life = await scene.start()
    restarts.push(life.milliseconds)
    await scene.check(life)
    if (scene.book.losses.length > 0) break
  }
  await life.end('SIGTERM')
  return restarts
}

function numbersOf(restarts: number[]) {
  const sorted = restarts.toSorted((a, b) => a - b).map(Math.round)
  return { restartMedianMs: sorted[sorted.length >> 1], restartMaxMs: sorted.at(-1) }
}
