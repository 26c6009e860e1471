import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { createClient } from '../support/client'
import { createTestDatabase, serverUrl } from '../support/database'
import { createPlayground } from '../support/executable'

const { emptyDir, install, run, serve, clear } = createPlayground()
const env = { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', RATE_LIMIT: 'off' }
let fastkit = ''

setDefaultTimeout(120_000)
beforeAll(async () => {
  fastkit = await install()
}, 120_000)
afterAll(clear)

describe('the executable', () => {
  test('backs up a running service and restores it in another directory', async () => {
    const home = { cwd: emptyDir(), env }
    const service = await serve(fastkit, home)
    const person = await createClient(service.url).enter()
    const made = await run(fastkit, { ...home, args: ['backup', 'copy'] })
    expect([made.exitCode, made.stdout]).toEqual([0, ''])
    expect(await service.end('SIGTERM')).toBe(0)

    const away = { cwd: emptyDir(), env }
    const restored = await run(fastkit, { ...away, args: ['restore', join(home.cwd, 'copy')] })
    expect([restored.exitCode, restored.stderr]).toEqual([0, ''])
    const again = await serve(fastkit, away)
    expect((await createClient(again.url).me(person.access_token)).status).toBe(200)
    expect(await again.end('SIGTERM')).toBe(0)
  })

  test.skipIf(serverUrl === null)('moves a restored service to a server', async () => {
    const home = { cwd: emptyDir(), env }
    const service = await serve(fastkit, home)
    const person = await createClient(service.url).enter()
    expect((await run(fastkit, { ...home, args: ['backup', 'copy'] })).exitCode).toBe(0)
    expect(await service.end('SIGTERM')).toBe(0)
    const away = { cwd: emptyDir(), env }
    expect((await run(fastkit, { ...away, args: ['restore', join(home.cwd, 'copy')] })).exitCode).toBe(0)

    const { url, drop } = await createTestDatabase()
    const moved = await run(fastkit, { ...away, args: ['migrate-to', String(url)] })
    expect([moved.exitCode, moved.stderr]).toEqual([0, ''])
    const key = join(away.cwd, 'data/jwt-secret')
    const server = await serve(fastkit, {
      cwd: emptyDir(),
      env: { ...env, DATABASE_URL: String(url), JWT_SECRET_FILE: key },
    })
    expect((await createClient(server.url).refresh(person.refresh_token)).status).toBe(200)
    expect(await server.end('SIGTERM')).toBe(0)
    await drop()
  })

  test.each([
    ['backup', '[options] <file>'],
    ['restore', '[options] <file>'],
    ['migrate-to', '[options] [database-url]'],
  ])('%s explains itself, and refuses what it does not know', async (name, form) => {
    const { exitCode, stdout } = await run(fastkit, { args: [name, '--help'] })
    expect([exitCode, stdout.split('\n')[0]]).toEqual([0, `Usage: fastkit ${name} ${form}`])
    for (const args of [
      [name, 'a', 'b'],
      [name, 'a', '--nonsense'],
    ]) {
      const refused = await run(fastkit, { args })
      expect([args, refused.exitCode, refused.stdout]).toEqual([args, 2, ''])
      expect(refused.stderr).toMatch(/^error: .*\nusage: fastkit /)
    }
  })
})
