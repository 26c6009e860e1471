import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { verifyBackup } from '../../src/backup/read-backup'
import { aPassword, createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { repository } from '../support/executable'
import { createOperator, type Place } from '../support/operator'
import { random } from '../support/random'

const { emptyDir, fastkit, user, serve, clear } = createOperator()
const main = join(repository, 'src/main.ts')
// `KILLED_ROUNDS=50` runs the long version.
const rounds = Number(Bun.env['KILLED_ROUNDS'] || 1)

setDefaultTimeout(120_000 + rounds * 20_000)
afterAll(clear)

/** Runs a command and kills it after the given time, unless it has ended. Returns how long it ran. */
async function killedAfter(milliseconds: number, { cwd }: Place, args: string[]) {
  const startedAt = performance.now()
  const child = Bun.spawn([process.execPath, main, ...args], {
    cwd,
    env: { EMBEDDED_FSYNC: 'off' },
    stderr: 'pipe',
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds)
  await child.exited
  clearTimeout(timer)
  return performance.now() - startedAt
}

const boss = 'boss@example.com'
const createBoss = (place: Place) =>
  user(place, ['create', '--email', boss, '--password-stdin'], `${aPassword}\n`)

describe.skipIf(serverUrl !== null)('kill -9', () => {
  let source: Place
  beforeAll(async () => {
    source = { cwd: emptyDir() }
    await createBoss(source)
    await fastkit(source, ['backup', 'whole'])
  })

  test('leaves a complete backup or none, and the next one succeeds, also while the service runs', async () => {
    const place = { cwd: emptyDir() }
    const service = await serve(place)
    const client = createClient(service.url)
    const path = join(place.cwd, 'copy')
    const longest = await killedAfter(60_000, place, ['backup', 'first'])
    for (let round = 0; round < rounds; round++) {
      await killedAfter(random() * longest, place, ['backup', 'copy', '--force'])
      if (existsSync(path)) await verifyBackup(path)
      await client.register()
    }
    const { exitCode, stderr } = await fastkit(place, ['backup', 'copy', '--force'])
    expect([exitCode, stderr]).toEqual([0, expect.stringMatching(/^wrote copy/)])
    expect(readdirSync(place.cwd).toSorted()).toEqual(['copy', 'data', 'first'])
    expect(existsSync(join(place.cwd, 'data/snapshot'))).toBe(false)
    expect(await service.end('SIGTERM')).toBe(0)
  })

  test('leaves a complete restored database or none, and the next restore succeeds', async () => {
    const file = join(source.cwd, 'whole')
    const longest = await killedAfter(60_000, { cwd: emptyDir() }, ['restore', file])
    for (let round = 0; round < rounds; round++) {
      const place = { cwd: emptyDir() }
      await killedAfter(random() * longest, place, ['restore', file])
      if (!existsSync(join(place.cwd, 'data/pg')) && !existsSync(join(place.cwd, 'data/restored'))) {
        const { exitCode, stderr } = await fastkit(place, ['restore', file])
        expect([exitCode, stderr]).toEqual([0, ''])
      }
      expect((await user(place, ['list'])).stdout).toContain(boss)
      expect(readdirSync(join(place.cwd, 'data')).filter((name) => name.startsWith('rest'))).toEqual([])
    }
  })

  test.each([
    ['neither', [], []],
    ['the old ones aside', ['jwt-secret', 'pg'], []],
    ['the key in its place', ['jwt-secret'], ['jwt-secret']],
  ])(
    'between two steps of promoting a restore, %s, is completed by the next start',
    async (_, aside, placed) => {
      const place = { cwd: emptyDir() }
      const other = 'other@example.com'
      await user(place, ['create', '--email', other, '--password-stdin'], `${aPassword}\n`)
      const data = join(place.cwd, 'data')
      const fresh = { cwd: emptyDir() }
      await fastkit(fresh, ['restore', join(source.cwd, 'whole')])
      mkdirSync(join(data, 'restored'), { mode: 0o700 })
      for (const name of aside) {
        mkdirSync(join(data, 'replaced-1'), { recursive: true })
        renameSync(join(data, name), join(data, 'replaced-1', name))
      }
      for (const name of ['jwt-secret', 'pg']) {
        const to = placed.includes(name) ? data : join(data, 'restored')
        renameSync(join(fresh.cwd, 'data', name), join(to, name))
      }
      const listed = (await user(place, ['list'])).stdout
      expect([listed.includes(boss), listed.includes(other)]).toEqual([true, false])
      expect(await Bun.file(join(data, 'jwt-secret')).text()).toBe(
        await Bun.file(join(source.cwd, 'data/jwt-secret')).text(),
      )
      const kept = readdirSync(data).filter((name) => name.startsWith('replaced-'))
      expect(kept.flatMap((name) => readdirSync(join(data, name))).toSorted()).toEqual(['jwt-secret', 'pg'])
      expect(existsSync(join(data, 'restored'))).toBe(false)
    },
  )
})

describe.skipIf(serverUrl !== null)('the remains of a killed restore or backup', () => {
  test('are removed by the next start, and what cannot be removed does not stop it', async () => {
    const place = { cwd: emptyDir() }
    await createBoss(place)
    const data = join(place.cwd, 'data')
    for (const name of ['restore.partial', 'snapshot'])
      mkdirSync(join(data, name, 'pg'), { recursive: true, mode: 0o700 })
    expect((await user(place, ['list'])).stdout).toContain(boss)
    expect(readdirSync(data).toSorted()).toEqual(['jwt-secret', 'lock', 'pg', 'run'])
    // A file of that name cannot be opened as a directory, even by root.
    await Bun.write(join(data, 'snapshot'), '')
    expect((await user(place, ['list'])).stdout).toContain(boss)
  })
})

describe.skipIf(serverUrl !== null)('a restore that was killed after its commit', () => {
  test('is in the next backup, with its key', async () => {
    const place = { cwd: emptyDir() }
    await createBoss(place)
    await fastkit(place, ['backup', 'whole'])
    const other = await committed(join(place.cwd, 'whole'))
    expect((await fastkit(other, ['backup', 'copy'])).exitCode).toBe(0)
    const { jwt_secret } = await verifyBackup(join(other.cwd, 'copy'))
    expect(`${jwt_secret}\n`).toBe(await Bun.file(join(place.cwd, 'data/jwt-secret')).text())
    expect((await fastkit(other, ['restore', 'copy', '--force'])).exitCode).toBe(0)
    expect((await user(other, ['list'])).stdout).toContain(boss)
  })

  /** A directory with a committed restore of `file` whose process died before the first step of promoting it. */
  async function committed(file: string): Promise<Place> {
    const place = { cwd: emptyDir() }
    await user(place, ['create', '--email', 'other@example.com', '--password-stdin'], `${aPassword}\n`)
    const fresh = { cwd: emptyDir() }
    await fastkit(fresh, ['restore', file])
    mkdirSync(join(place.cwd, 'data/restored'), { mode: 0o700 })
    for (const name of ['jwt-secret', 'pg'])
      renameSync(join(fresh.cwd, 'data', name), join(place.cwd, 'data/restored', name))
    return place
  }
})

describe.skipIf(serverUrl !== null).each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  test('ends a backup and a restore, and no files remain', async () => {
    const place = { cwd: emptyDir() }
    await createBoss(place)
    await fastkit(place, ['backup', 'whole'])
    const stopped = await signalled(place, ['backup', 'copy'], 'data/snapshot/pg')
    expect([stopped, readdirSync(place.cwd).toSorted()]).toEqual([1, ['data', 'whole']])
    expect(existsSync(join(place.cwd, 'data/snapshot'))).toBe(false)

    const other = { cwd: emptyDir() }
    const file = join(place.cwd, 'whole')
    expect(await signalled(other, ['restore', file], 'data/restore.partial/pg')).toBe(1)
    expect(existsSync(join(other.cwd, 'data/restore.partial'))).toBe(false)
    expect((await fastkit(other, ['restore', file])).exitCode).toBe(0)
  })

  /** Sends the signal once a file of that name exists. */
  async function signalled({ cwd }: Place, args: string[], name: string) {
    const child = Bun.spawn([process.execPath, main, ...args], {
      cwd,
      env: { EMBEDDED_FSYNC: 'off' },
      stderr: 'pipe',
    })
    while (!existsSync(join(cwd, name)) && child.exitCode === null) await Bun.sleep(2)
    child.kill(signal)
    return child.exited
  }
})
