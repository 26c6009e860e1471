import { afterAll, beforeAll, expect, test } from 'bun:test'
import { createStage, crowd, cycle, flood, percentile, settled, stall, stampede } from '../support/soak'

// In small, and with room for a busy machine; test/bench/realtime-soak.ts measures it in full.

const mebibyte = 1024 * 1024
const noise = 24 * mebibyte
// The database opens its files as it needs them.
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

test('sockets that are closed leave neither memory nor descriptors behind', async () => {
  const before = await settled(stage, 0.5)
  await cycle(stage, tokens, 300)
  const allowed = before.descriptors + fewFiles
  for (let look = 0; look < 100 && stage.descriptors() > allowed; look++) await Bun.sleep(50)
  const after = await settled(stage, 0.5)
  expect(after.descriptors).toBeLessThanOrEqual(allowed)
  expect(after.memory).toBeLessThan(before.memory + noise)
})

test('an idle socket costs at most 30 KiB', async () => {
  const before = await settled(stage, 0.5)
  const leave = await crowd(stage, 200)
  const after = await settled(stage, 0.5)
  await leave()
  expect(after.memory - before.memory).toBeLessThan(200 * 30 * 1024 + noise)
})

test('sockets that all come and go at once are all let in, and do not keep requests waiting', async () => {
  const { ready, writes } = await stampede(stage, 1000)
  expect(ready).toBe(1000)
  expect(new Set(writes.map(({ status }) => status))).toEqual(new Set([200]))
  // If each of them waited behind all the sockets, there would be two or three.
  expect(writes.filter(({ isMeanwhile }) => isMeanwhile).length).toBeGreaterThan(6)
})

test('who sends 10,000 messages a second is cut off each time, and another hardly notices', async () => {
  const { cutOffs, roundTrips } = await flood(stage, 2)
  expect([...new Set(cutOffs)]).toEqual([4429])
  expect(percentile(roundTrips, 50)).toBeLessThan(50)
})

test('who does not read is cut off, and costs at most what may be unsent', async () => {
  const readers = 8
  const { codes, usual, rise } = await stall(stage, { readers, megabytes: 8 })
  // After five seconds nobody waits any longer for the close to be read.
  for (const code of codes) expect(code).toBeOneOf([1013, 1006])
  expect(rise).toBeLessThan(usual + readers * 1.2 * mebibyte + noise)
})
