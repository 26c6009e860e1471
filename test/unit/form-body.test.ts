import { describe, expect, test } from 'bun:test'
import { failureIn } from '../../src/core/errors'
import { maxBodyBytes } from '../../src/http/body'
import { parseForm } from '../../src/http/form-body'

function refusalOf(text: string) {
  try {
    parseForm(text)
  } catch (error) {
    return failureIn(error)
  }
  return null
}

describe('form', () => {
  test('has a value for each name; names without one are absent', () => {
    expect(parseForm('a=1&b=x+y%3D%26&c=&d&=&&e==')).toEqual({ a: '1', b: 'x y=&', e: '=' })
    expect(parseForm('a=1&')).toEqual({ a: '1' })
    expect(Object.keys(parseForm('__proto__=x'))).toEqual(['__proto__'])
  })

  test.each([
    'a=1&a=2',
    'a=1&a=1',
    'a=1&b=2&a',
    'a=&a=1',
    'a&a',
    'a=1&%61=2',
    '=1&=2',
    '__proto__=1&__proto__=2',
  ])('%s has a field twice and is refused', (text) => {
    const message = 'is there more than once'
    const pointer = `/${text.startsWith('=') ? '' : text.split(/[=&]/)[0]}`
    expect(refusalOf(text)).toMatchObject({ code: 'validation_failed', errors: [{ pointer, message }] })
  })

  test('the error for a long name does not contain all of it', () => {
    const name = 'x'.repeat(1000)
    expect(refusalOf(`${name}=1&${name}=2`)?.errors[0]?.pointer.length).toBeLessThan(200)
  })

  test('of as many fields as a body can hold is parsed in milliseconds', () => {
    const body = Array.from({ length: 10_000 }, (_, at) => `${at}=1`).join('&')
    expect(body.length).toBeWithin(maxBodyBytes, maxBodyBytes * 2)
    const before = process.cpuUsage()
    expect(Object.keys(parseForm(body))).toHaveLength(10_000)
    // It takes about 10 ms and blocks the event loop meanwhile. CPU time does not depend on what else runs.
    const { user, system } = process.cpuUsage(before)
    expect((user + system) / 1000).toBeLessThan(200)
  })
})
