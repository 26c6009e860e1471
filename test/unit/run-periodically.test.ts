import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import { type Job, runPeriodically } from '../../src/core/run-periodically'

const promises = () => {
  Bun.gc(true)
  return heapStats().objectTypeCounts['Promise'] ?? 0
}

describe('a repeated job', () => {
  test('keeps nothing of the times it ran', async () => {
    const { promise: isEnough, resolve } = Promise.withResolvers<void>()
    let runs = 0
    const before = promises()
    const job: Job = runPeriodically(async () => {
      if (++runs === 1000) resolve()
      return 0
    })
    await isEnough
    expect(promises()).toBeLessThan(before + 100)
    await job.stop()
  })

  test('ends in the middle of a pause', async () => {
    const job = runPeriodically(async () => 60_000)
    await Bun.sleep(10)
    const startedAt = performance.now()
    await job.stop()
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })

  test('ends after the work under way, and does not begin again', async () => {
    const { promise: work, resolve: finish } = Promise.withResolvers<number>()
    let runs = 0
    const job = runPeriodically(() => {
      runs++
      return work
    })
    const stopped = job.stop()
    finish(60_000)
    await stopped
    expect(runs).toBe(1)
  })
})
