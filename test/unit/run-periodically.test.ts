import { heapStats } from 'bun:jsc'
import { describe, expect, test } from 'bun:test'
import { type Job, runPeriodically } from '../../src/core/run-periodically'

const promises = () => {
  Bun.gc(true)
  return heapStats().objectTypeCounts['Promise'] ?? 0
}

describe('a repeated job', () => {
  test('leaks no promise per run', async () => {
    const { promise: enoughRuns, resolve } = Promise.withResolvers<void>()
    let runs = 0
    const before = promises()
    const job: Job = runPeriodically(async () => {
      if (++runs === 1000) resolve()
      return 0
    })
    await enoughRuns
    expect(promises()).toBeLessThan(before + 100)
    await job.stop()
  })

  test('stops during a pause', async () => {
    const job = runPeriodically(async () => 60_000)
    await Bun.sleep(10)
    const startedAt = performance.now()
    await job.stop()
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })

  test('stops after the current run, and does not run again', async () => {
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
