import { describe, expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { networkOf } from '../../src/core/network'
import { Counters } from '../../src/core/rate-limiter/memory-store'
import { accountDelaySeconds, policies } from '../../src/core/rate-limiter/policies'
import { createMovableClock } from '../support/clock'
import { assertProperty } from '../support/random'

describe('the network of an address', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ])('%s is %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network)
  })

  const part = fc.integer({ min: 0, max: 0xffff }).map((value) => value.toString(16))
  const parts = (count: number) =>
    fc.array(part, { minLength: count, maxLength: count }).map((list) => list.join(':'))

  test('is shared by exactly the addresses with the same first 64 bits', () => {
    // The leading `1` excludes IPv4-mapped addresses.
    assertProperty(
      fc.property(fc.tuple(parts(3), parts(3)), fc.tuple(parts(4), parts(4)), ([a, b], [left, right]) => {
        expect(networkOf(`1:${a}:${left}`)).toBe(networkOf(`1:${a}:${right}`))
        expect(networkOf(`1:${a}:${left}`) === networkOf(`1:${b}:${left}`)).toBe(a === b)
      }),
    )
  })
})

describe('counters in memory', () => {
  test('add up within a window and restart after it', () => {
    const clock = createMovableClock()
    const counters = new Counters(clock)
    expect(counters.incrby('a', 1, 60).isFirstInDuration).toBe(true)
    clock.advance(59)
    const { consumedPoints, msBeforeNext } = counters.incrby('a', 1, 60)
    expect(consumedPoints).toBe(2)
    expect(msBeforeNext).toBeWithin(0, 1001)
    clock.advance(1)
    expect(counters.get('a')).toBeNull()
    expect(counters.incrby('a', 1, 60).consumedPoints).toBe(1)
  })

  test('have a maximum, and the oldest are evicted first', () => {
    const counters = new Counters(createMovableClock(), 100)
    for (let at = 0; at < 1000; at++) counters.incrby(`${at}`, 1, 60)
    expect(counters.size).toBe(100)
    expect(counters.get('899')).toBeNull()
    expect(counters.get('900')?.consumedPoints).toBe(1)
  })

  test('are evicted once their window has passed and others are added', () => {
    const clock = createMovableClock()
    const counters = new Counters(clock)
    for (let at = 0; at < 1000; at++) counters.incrby(`${at}`, 1, 60)
    clock.advance(61)
    for (let at = 0; at < 1000; at++) counters.incrby(`later ${at}`, 1, 60)
    expect(counters.size).toBe(1000)
  })

  test('with a long window survive the eviction of short ones', () => {
    const clock = createMovableClock()
    const counters = new Counters(clock)
    counters.set('long', 6, 3600)
    for (let at = 0; at < 100; at++) {
      counters.incrby(`${at}`, 1, 10)
      clock.advance(11)
    }
    expect(counters.get('long')?.consumedPoints).toBe(6)
  })
})

describe('the policies', () => {
  test('are those that the README names', () => {
    const readme = readFileSync(`${import.meta.dir}/../../README.md`, 'utf8')
    const rows = readme.matchAll(/^\| `(\w+)` +\| (\d+) in (\d+) (s|min|h) +\| (\w+) +\|/gm)
    const seconds = { s: 1, min: 60, h: 3600 }
    const documented = [...rows].map(([, name, quota, amount, unit, per]) => [
      name,
      { quota: Number(quota), windowSeconds: Number(amount) * (Reflect.get(seconds, unit ?? '') ?? 0), per },
    ])
    expect(Object.fromEntries(documented)).toEqual(policies)
  })

  test('make an account wait longer each time', () => {
    expect(accountDelaySeconds).toEqual(accountDelaySeconds.toSorted((a, b) => a - b))
    expect([accountDelaySeconds.at(0), accountDelaySeconds.at(-1)]).toEqual([60, 1800])
  })
})
