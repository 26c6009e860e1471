import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../../src/embedded/start-embedded'
import { type Database, openDatabase } from '../../src/postgres/database'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { eventually } from '../support/eventually'
import { createTap, type Tap } from '../support/tap'

const statementTimeoutMilliseconds = 5000

let tap: Tap
let database: Database
let end = nothing
beforeEach(async () => {
  const { tapped, drop } = serverUrl ? await onServer() : await embedded()
  tap = tapped
  database = openDatabase(
    serverUrl
      ? { url: tap.url, poolSize: 2, statementTimeoutMilliseconds }
      : { socketPath: tap.path, statementTimeoutMilliseconds },
  )
  end = async () => {
    await database.close()
    tap.close()
    await drop()
  }
})
afterEach(() => end())

describe('ping', () => {
  test('queries the database at most twice a second for any number of callers', async () => {
    let calls = 0
    const seconds = 2
    for (const until = performance.now() + seconds * 1000; performance.now() < until; await Bun.sleep(1)) {
      const answers = await Promise.all(Array.from({ length: 20 }, () => database.ping()))
      calls += answers.filter((isThere) => isThere).length
    }
    expect(calls).toBeGreaterThan(5000)
    expect(tap.queries).toBeWithin(2, seconds * 2 + 2)
  })

  test('is false within a second when the server hangs, and only one query is pending', async () => {
    expect(await database.ping()).toBe(true)
    tap.freeze()
    const before = tap.queries
    await Bun.sleep(600)
    for (let round = 0; round < 3; round++) {
      const startedAt = performance.now()
      expect(await database.ping()).toBe(false)
      expect(performance.now() - startedAt).toBeLessThan(1500)
      await Bun.sleep(600)
    }
    expect(tap.queries - before).toBeLessThanOrEqual(1)
    tap.thaw()
    await eventually(async () => (await database.ping()) || null)
  })
})

describe.skipIf(!serverUrl)('a pool whose connections are all in use', () => {
  test('does not affect ping, and ping takes no connection from it', async () => {
    const { promise: isOver, resolve: finish } = Promise.withResolvers<void>()
    const busy = Array.from({ length: 2 }, () => database.sql.begin(() => isOver))
    await Bun.sleep(200)
    expect(await database.ping()).toBe(true)
    finish()
    await Promise.all(busy)
  })
})

async function onServer() {
  const { url, drop } = await createTestDatabase()
  return { tapped: await createTap(String(url)), drop }
}

async function embedded() {
  const dataDir = mkdtempSync(join(tmpdir(), 'fastkit-probe-'))
  const { socketPath, close } = await startEmbedded({ dataDir, fsync: false })
  const drop = async () => {
    await close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { tapped: await createTap(socketPath), drop }
}
