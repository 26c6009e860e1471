import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createStage, crowd, cycle, flood, percentile, settled, stall, stampede } from '../support/soak'

// A short version with tolerance for a busy machine. test/bench/realtime-soak.ts is the long one.

const mebibyte = 1024 * 1024
const toleranceBytes = 24 * mebibyte
// Tolerance for files that the database opens on demand.
const fewFiles = 10

let stage: Awaited<ReturnType<typeof createStage>>
let tokens: string[]
beforeAll(async () => {
  stage = await createStage()
  tokens = await stage.tokens(10)
  await cycle(stage, tokens, 100)
})
afterAll(async () => {
  expect(await stage.end()).toBe(0)
})

test('closed sockets leak neither memory nor descriptors', async () => {
  let before = await settled(stage, 0.5)
  const allowed = before.descriptors + fewFiles
  let growth = Number.POSITIVE_INFINITY
  // A leak grows in every round, and the caches of a process that warms up do not.
  for (let round = 0; round < 3 && growth >= toleranceBytes; round++) {
    await cycle(stage, tokens, 300)
    for (let attempt = 0; attempt < 100 && stage.descriptors() > allowed; attempt++) await Bun.sleep(50)
    const after = await settled(stage, 0.5)
    expect(after.descriptors).toBeLessThanOrEqual(allowed)
    growth = after.memory - before.memory
    before = after
  }
  expect(growth).toBeLessThan(toleranceBytes)
})

test('an idle socket costs at most 30 KiB', async () => {
  const before = await settled(stage, 0.5)
  const leave = await crowd(stage, 200)
  const after = await settled(stage, 0.5)
  await leave()
  expect(after.memory - before.memory).toBeLessThan(200 * 30 * 1024 + toleranceBytes)
})

test('sockets that connect and close all at once are all accepted, and requests do not wait for them', async () => {
  const { ready, writes } = await stampede(stage, 1000)
  expect(ready).toBe(1000)
  expect(new Set(writes.map(({ status }) => status))).toEqual(new Set([200]))
  // Requests that waited behind all the sockets would be two or three in this time.
  expect(writes.filter(({ isMeanwhile }) => isMeanwhile).length).toBeGreaterThan(6)
})

test('a client that sends 10,000 messages a second is disconnected each time, and others are hardly slowed', async () => {
  const { cutOffs, roundTrips } = await flood(stage, 2)
  expect([...new Set(cutOffs)]).toEqual([4429])
  expect(percentile(roundTrips, 50)).toBeLessThan(50)
})

test('a client that does not read is disconnected, and costs at most the send limit', async () => {
  const readers = 8
  const { codes, usual, rise } = await stall(stage, { readers, megabytes: 8 })
  // The service stops waiting for the close to be read after five seconds.
  for (const code of codes) expect(code).toBeOneOf([1013, 1006])
  expect(rise).toBeLessThan(usual + readers * 1.2 * mebibyte + toleranceBytes)
})
