import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { openSlow, slowly } from '../support/slow-clients'
import { createStage } from '../support/soak'

type Stage = Awaited<ReturnType<typeof createStage>>

const limitSeconds = 15
const crowdSize = 200
const kinds = Object.entries(slowly)

let stage: Stage
let before = 0
let most = 0
let token = ''
let slow: ReturnType<typeof openSlow>[] = []

// All kinds run at once, so that the file takes no longer than one of them.
beforeAll(async () => {
  stage = await createStage()
  token = (await stage.enter()).access_token
  before = stage.connections()
  slow = Array.from({ length: crowdSize }, (_, at) => openSlow(stage.url, kindAt(at % kinds.length)))
})
afterAll(async () => {
  for (const { cut } of slow) cut()
  await stage.end()
})

const kindAt = (at: number) => kinds[at]?.[1] ?? { start: '' }

test(`an ordinary client is served while ${crowdSize} slow ones are connected`, async () => {
  for (let asked = 0; asked < 100; asked++) {
    expect((await stage.me(token)).status).toBe(200)
    most = Math.max(most, stage.connections() - before)
    await Bun.sleep(20)
  }
  expect(most).toBeGreaterThan(crowdSize * 0.8)
  expect((await stage.enter()).access_token).toBeString()
})

describe('a client that', () => {
  // A client that does not read cannot see when it is cut off.
  const reading = kinds.flatMap(([name, { neverReads }], at) => (neverReads ? [] : [[name, at] as const]))
  test.each(reading)('%s is cut off within 15 s', async (_, at) => {
    const { seconds, answer } = (await slow[at]?.ended) ?? { seconds: Number.POSITIVE_INFINITY, answer: '' }
    expect(seconds).toBeLessThan(limitSeconds)
    expect(answer).toMatch(/^$|^HTTP\/1\.1 (200|404) /)
  })
})

test('no connection of the slow clients is left at the end', async () => {
  for (const end = performance.now() + 40_000; performance.now() < end; await Bun.sleep(100))
    if (stage.connections() <= before) break
  expect(stage.connections()).toBeLessThanOrEqual(before)
})
