import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { createSemaphore } from '../../src/core/semaphore'
import { assertAsyncProperty } from '../support/random'

const aMinute = 60_000
const semaphoreOf = (permits: number, maxQueued: number, maxWaitMilliseconds = aMinute) =>
  createSemaphore({ permits, maxQueued, maxWaitMilliseconds, errorCode: 'overloaded' })

/** Holds a permit until `end` or `fail` is called. */
function occupy(semaphore: ReturnType<typeof semaphoreOf>) {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  return { done: semaphore.run(() => promise), end: resolve, fail: reject }
}

describe('semaphore', () => {
  test('admits in the order of arrival', async () => {
    const semaphore = semaphoreOf(1, 10)
    const order: number[] = []
    await Promise.all(Array.from({ length: 10 }, (_, at) => semaphore.run(async () => void order.push(at))))
    expect(order).toEqual(Array.from({ length: 10 }, (_, at) => at))
  })

  test('refuses at once when the queue is full, without running the work', async () => {
    const semaphore = semaphoreOf(2, 3)
    const admitted = Array.from({ length: 5 }, () => occupy(semaphore))
    let hasRun = false
    const refused = semaphore.run(async () => (hasRun = true))
    await expect(refused).rejects.toMatchObject({ code: 'overloaded' })
    expect(() => semaphore.assertCapacity()).toThrow('overloaded')
    expect([hasRun, semaphore.waiting]).toEqual([false, 3])
    for (const { end } of admitted) end('done')
    expect(await Promise.all(admitted.map(({ done }) => done))).toEqual(Array(5).fill('done'))
    expect(semaphore.waiting).toBe(0)
    semaphore.assertCapacity()
  })

  test('that shrinks admits nobody until enough permits are released, and admits who waits when it grows', async () => {
    const semaphore = semaphoreOf(3, 10)
    const [first, second, third, fourth, fifth] = Array.from({ length: 5 }, () => occupy(semaphore))
    semaphore.resize(1)
    first?.end('done')
    second?.end('done')
    await Promise.all([first?.done, second?.done])
    expect([semaphore.running, semaphore.waiting]).toEqual([1, 2])
    semaphore.resize(2)
    expect([semaphore.running, semaphore.waiting]).toEqual([2, 1])
    for (const held of [third, fourth, fifth]) held?.end('done')
    await Promise.all([third?.done, fourth?.done, fifth?.done])
    expect([semaphore.running, semaphore.waiting]).toEqual([0, 0])
  })

  test('a queue of length zero refuses work that finds no permit', async () => {
    const semaphore = semaphoreOf(1, 0)
    semaphore.assertCapacity()
    const { done, end } = occupy(semaphore)
    await expect(semaphore.run(async () => 1)).rejects.toMatchObject({ code: 'overloaded' })
    end('done')
    await done
    expect(await semaphore.run(async () => 1)).toBe(1)
  })

  test('work that waited too long is refused, leaves the queue and never runs', async () => {
    const semaphore = semaphoreOf(1, 10, 1)
    const { done, end } = occupy(semaphore)
    let hasRun = false
    await expect(semaphore.run(async () => (hasRun = true))).rejects.toMatchObject({ code: 'overloaded' })
    expect(semaphore.waiting).toBe(0)
    end('done')
    await done
    expect(await semaphore.run(async () => 'next')).toBe('next')
    expect(hasRun).toBe(false)
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws before its first await',
      () => {
        throw new Error('broken')
      },
    ],
  ])('work that %s returns its permit', async (_, work) => {
    const semaphore = semaphoreOf(1, 1)
    for (let round = 0; round < 5; round++) await expect(semaphore.run(work)).rejects.toThrow('broken')
    expect(await semaphore.run(async () => 'fine')).toBe('fine')
  })

  test('never admits more than its permits, and settles every caller', async () => {
    const delays = fc.array(fc.tuple(fc.nat(3), fc.boolean()), { maxLength: 40 })
    await assertAsyncProperty(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(10), delays, async (permits, queue, works) => {
        const semaphore = semaphoreOf(permits, queue)
        let inside = 0
        let maxInside = 0
        const outcomes = await Promise.allSettled(
          works.map(([turns, fails]) =>
            semaphore.run(async () => {
              maxInside = Math.max(maxInside, ++inside)
              for (let turn = 0; turn < turns; turn++) await null
              inside--
              if (fails) throw new Error('broken')
            }),
          ),
        )
        expect(maxInside).toBeLessThanOrEqual(permits)
        expect(outcomes).toHaveLength(works.length)
        expect([inside, semaphore.waiting]).toEqual([0, 0])
        expect(await semaphore.run(async () => 'still open')).toBe('still open')
      }),
      { numRuns: 50 },
    )
  })
})
