import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { lstatSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { aPassword } from '../support/client'
import { serverUrl } from '../support/database'
import { createOperator } from '../support/operator'

const { emptyDir, fastkit, user, clear } = createOperator()

setDefaultTimeout(120_000)
afterAll(clear)

describe.skipIf(serverUrl !== null)('the file of a backup', () => {
  test('takes the name of no device, link to one or directory, even if told to', async () => {
    const place = { cwd: emptyDir() }
    await user(place, ['create', '--email', 'boss@example.com', '--password-stdin'], `${aPassword}\n`)
    symlinkSync('/dev/null', join(place.cwd, 'nowhere'))
    for (const name of ['nowhere', 'data']) {
      const { exitCode, stderr } = await fastkit(place, ['backup', name, '--force'])
      expect([exitCode, stderr]).toEqual([
        1,
        `fastkit: ${name} is there and is no plain file; name another\n`,
      ])
    }
    expect(lstatSync(join(place.cwd, 'nowhere')).isSymbolicLink()).toBe(true)
    expect(readdirSync(place.cwd).toSorted()).toEqual(['data', 'nowhere'])
  })
})
