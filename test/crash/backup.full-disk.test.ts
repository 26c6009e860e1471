import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { aPassword } from '../support/client'
import { serverUrl } from '../support/database'
import { createOperator, type Place } from '../support/operator'

const { emptyDir, fastkit, user, clear } = createOperator()
const disk = join(emptyDir(), 'disk')
mkdirSync(disk)
const isMounted = Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', 'size=60m', 'tmpfs', disk]).exitCode === 0
const skipReason = isMounted ? '' : ' (skipped: mounting a tmpfs needs root)'

setDefaultTimeout(120_000)
afterAll(async () => {
  if (isMounted) Bun.spawnSync(['umount', '-l', disk])
  await clear()
})

const create = (place: Place) =>
  user(place, ['create', '--email', 'a@example.com', '--password-stdin'], `${aPassword}\n`)

describe.skipIf(!isMounted || serverUrl !== null)(`a backup on a full disk${skipReason}`, () => {
  test('fails with a message, leaves no partial file, and succeeds once there is room', async () => {
    const place = { cwd: emptyDir() }
    await create(place)
    fill()
    const full = await fastkit(place, ['backup', join(disk, 'copy')])
    expect([full.exitCode, full.stderr]).toEqual([1, expect.stringMatching(/ENOSPC|no space left/i)])
    expect(readdirSync(disk)).toEqual(['ballast'])
    rmSync(join(disk, 'ballast'))
    expect((await fastkit(place, ['backup', join(disk, 'copy')])).exitCode).toBe(0)
    rmSync(join(disk, 'copy'))
  })

  test('is refused when the copy would fill the disk of the service', async () => {
    const place = { cwd: emptyDir(), env: { DATA_DIR: join(disk, 'data') } }
    await create(place)
    const { exitCode, stderr } = await fastkit(place, ['backup', 'copy'])
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(
        /has no room for a copy of the database: \d+ MB are needed for a while, \d+ MB are free\n$/,
      ),
    ])
    expect([readdirSync(place.cwd), existsSync(join(disk, 'data/snapshot'))]).toEqual([[], false])
    expect((await user(place, ['list'])).stdout).toContain('a@example.com')
    rmSync(join(disk, 'data'), { recursive: true })
  })

  test('is restored completely or not at all', async () => {
    const place = { cwd: emptyDir() }
    await create(place)
    await fastkit(place, ['backup', 'copy'])
    fill(8)
    const other = { cwd: emptyDir(), env: { DATA_DIR: join(disk, 'data') } }
    const full = await fastkit(other, ['restore', join(place.cwd, 'copy')])
    expect(full.exitCode).toBe(1)
    expect(full.stderr).toMatch(/ENOSPC|no space left/i)
    expect(readdirSync(join(disk, 'data'))).toEqual(['lock'])
    rmSync(join(disk, 'ballast'))
    expect((await fastkit(other, ['restore', join(place.cwd, 'copy')])).exitCode).toBe(0)
  })
})

/** Fills the disk up to `megabytes` of free space. */
function fill(megabytes = 0) {
  const chunk = Buffer.alloc(64 * 1024)
  try {
    for (let at = 0; at < (60 - megabytes) * 16; at++)
      writeFileSync(join(disk, 'ballast'), chunk, { flag: 'a' })
    writeFileSync(join(disk, 'ballast'), chunk.subarray(0, megabytes > 0 ? 0 : 8192), { flag: 'a' })
  } catch {
    // The disk is full.
  }
}
