import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { lstatSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { aPassword } from '../support/client'
import { serverUrl } from '../support/database'
import { createOperator } from '../support/operator'
import { populate } from '../support/population'

const { emptyDir, fastkit, user, piped, clear } = createOperator()

setDefaultTimeout(120_000)
afterAll(clear)

const pipeBytes = 64 * 1024

describe.skipIf(serverUrl !== null)('the file of a backup', () => {
  test('never replaces a device, a link to one or a directory, even with --force', async () => {
    const place = { cwd: emptyDir() }
    await user(place, ['create', '--email', 'boss@example.com', '--password-stdin'], `${aPassword}\n`)
    symlinkSync('/dev/null', join(place.cwd, 'nowhere'))
    for (const name of ['nowhere', 'data']) {
      const { exitCode, stderr } = await fastkit(place, ['backup', name, '--force'])
      expect([exitCode, stderr]).toEqual([
        1,
        `fastkit: ${name} exists and is not a regular file; name another\n`,
      ])
    }
    expect(lstatSync(join(place.cwd, 'nowhere')).isSymbolicLink()).toBe(true)
    expect(readdirSync(place.cwd).toSorted()).toEqual(['data', 'nowhere'])
  })

  test('arrives complete in a pipe that is read slowly, and the command ends when the pipe closes', async () => {
    const place = { cwd: emptyDir() }
    await populate(place, 5000)
    const { exitCode, stderr } = await piped(place, ['backup', '-'], 'sleep 2; cat >copy')
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^wrote standard output: .*\n$/)])
    expect(statSync(join(place.cwd, 'copy')).size).toBeGreaterThan(2 * pipeBytes)
    const other = { cwd: emptyDir() }
    expect((await fastkit(other, ['restore', join(place.cwd, 'copy')])).exitCode).toBe(0)
    expect(JSON.parse((await user(other, ['list', '--json'])).stdout)).toHaveLength(5000)

    const cut = await piped(place, ['backup', '-'], 'head -c 10 >start')
    expect([cut.exitCode, cut.stderr]).toEqual([1, 'fastkit: EPIPE: broken pipe, write\n'])
    expect(readdirSync(join(place.cwd, 'data'))).not.toContain('snapshot')
  })
})
