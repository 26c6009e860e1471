import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createOperator } from '../support/operator'

const { emptyDir, user, clear } = createOperator()

setDefaultTimeout(60_000)
afterAll(clear)

describe('the key in DATA_DIR', () => {
  test.each([
    ['is empty, as a power cut may leave it,', ''],
    ['is shorter than any key may be', `${'k'.repeat(31)}\n`],
  ])('is refused when it %s and left as it is', async (_, text) => {
    const cwd = emptyDir()
    mkdirSync(join(cwd, 'data'), { mode: 0o700 })
    const file = join(cwd, 'data/jwt-secret')
    writeFileSync(file, text, { mode: 0o600 })
    const { exitCode, stderr } = await user({ cwd }, ['list'])
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(`${file} holds no key of 32 bytes`)])
    expect(readFileSync(file, 'utf8')).toBe(text)
  })
})
