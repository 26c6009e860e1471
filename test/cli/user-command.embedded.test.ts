import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openDataDir } from '../../src/embedded/data-dir'
import { aPassword, createClient } from '../support/client'
import { createOperator, type Place } from '../support/operator'
import { populate } from '../support/population'

const { emptyDir, user, piped, serve, clear } = createOperator()
const boss = 'boss@example.com'
const another = 'another quiet lantern'
const pipeBytes = 64 * 1024

setDefaultTimeout(60_000)
afterAll(clear)

const create = (place: Place, email: string, ...more: string[]) =>
  user(place, ['create', '--email', email, '--password-stdin', ...more], `${aPassword}\n`)

describe('fastkit user, while no service runs', () => {
  test('opens the database directly, and the next start has the change', async () => {
    const place = { cwd: emptyDir() }
    const made = await create(place, boss, '--role', 'admin')
    expect([made.exitCode, made.stderr]).toEqual([0, ''])
    expect(made.stdout).toMatch(/^created admin boss@example\.com \(.{36}\)\n$/)
    expect((await create(place, boss)).stderr).toEndWith('(email_taken)\n')
    expect((await user(place, ['disable', '--email', boss])).stderr).toEndWith('(last_admin)\n')
    await user(place, ['set-password', '--email', boss, '--password-stdin'], another)
    expect((await user(place, ['list'])).stdout).toContain(`${boss}  admin  yes`)

    const service = await serve(place)
    const client = createClient(service.url)
    const { access_token: token } = await client.signIn({ email: boss, password: another })
    expect((await client.call('GET /api/v1/users', { token })).status).toBe(200)
    expect(await service.end('SIGTERM')).toBe(0)
  })

  test('waits for another command on the same directory', async () => {
    const place = { cwd: emptyDir() }
    const made = await Promise.all(['a', 'b', 'c'].map((name) => create(place, `${name}@example.com`)))
    expect(made.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(made.map(() => [0, '']))
    expect(JSON.parse((await user(place, ['list', '--json'])).stdout)).toHaveLength(3)
  })

  test('lists all accounts to a slow reader, and ends when the reader closes the pipe', async () => {
    const place = { cwd: emptyDir() }
    await populate(place, 800)
    const { exitCode, stdout } = await piped(place, ['user', 'list', '--json'], 'sleep 2; cat')
    expect([exitCode, stdout.length > 2 * pipeBytes]).toEqual([0, true])
    expect(JSON.parse(stdout)).toHaveLength(800)
    const cut = await piped(place, ['user', 'list', '--json'], 'head -c 10 >start')
    expect([cut.exitCode, cut.stderr]).toEqual([1, 'fastkit: EPIPE: broken pipe, write\n'])
  })

  test('reports a process that holds the directory and does not respond', async () => {
    const place = { cwd: emptyDir() }
    const held = openDataDir(join(place.cwd, 'data'))
    const { exitCode, stderr } = await user(place, ['list'])
    held.release()
    expect([exitCode, stderr]).toEqual([1, 'fastkit: the service on DATA_DIR ./data does not answer\n'])
  })
})

describe('a socket of the service', () => {
  test('works with a path that is too long for a socket address, and after kill -9', async () => {
    const cwd = join(emptyDir(), 'a-long-name'.repeat(10))
    mkdirSync(cwd)
    const service = await serve({ cwd })
    const client = createClient(service.url)
    const person = await client.enter()
    expect((await client.me(person.access_token)).status).toBe(200)
    expect((await user({ cwd }, ['disable', '--email', person.email])).exitCode).toBe(0)
    expect((await client.me(person.access_token)).status).toBe(401)
    await service.end('SIGKILL')

    expect(lstatSync(join(cwd, 'data/run/control.sock')).isSymbolicLink()).toBe(true)
    const { exitCode, stdout } = await user({ cwd }, ['enable', '--email', person.email])
    expect([exitCode, stdout]).toEqual([0, `${person.email} is an active user\n`])
  })

  test('is removed at a clean shutdown', async () => {
    const cwd = emptyDir()
    const service = await serve({ cwd })
    expect(lstatSync(join(cwd, 'data/run/control.sock')).isSocket()).toBe(true)
    await service.end('SIGTERM')
    expect(lstatSync(join(cwd, 'data/run/control.sock'), { throwIfNoEntry: false })).toBeUndefined()
  })
})
