import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../support/executable'
import { createOperator } from '../support/operator'

const { emptyDir, user, clear } = createOperator()
const secret = 'must-not-be-echoed'

setDefaultTimeout(60_000)
afterAll(clear)

describe('a password', () => {
  test.each([
    [['--password', secret]],
    [[`--password=${secret}`]],
    [[`--pasword=${secret}`]],
    [[`-p${secret}`]],
    [['--password-stdin', secret]],
    [[`--password-stdin=${secret}`]],
  ])('is never an argument, nor repeated: %p', async (more) => {
    const cwd = emptyDir()
    const { exitCode, stdout, stderr } = await user({ cwd }, ['create', '--email', 'a@example.com', ...more])
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^error: .*\nusage: fastkit /)
    expect(stderr).not.toContain(secret)
    expect(readdirSync(cwd)).toEqual([])
  })

  test('as an argument is refused, and the error names the alternatives', async () => {
    const args = ['set-password', '--email', 'a@example.com', '--password', secret]
    const { stderr } = await user({ cwd: emptyDir() }, args)
    expect(stderr).toContain('--password-stdin')
  })

  test.each(['create', 'set-password'])('is not awaited by %s without a terminal', async (name) => {
    const { exitCode, stderr } = await user({ cwd: emptyDir() }, [name, '--email', 'a@example.com'])
    expect(exitCode).toBe(2)
    expect(stderr).toStartWith('error: there is no terminal to ask for a password; use --password-stdin\n')
  })

  test.skipIf(process.platform !== 'linux')('is not visible in the list of processes', async () => {
    const args = [
      join(repository, 'src/main.ts'),
      'user',
      'create',
      '--email',
      'a@example.com',
      '--password-stdin',
    ]
    const env = { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', EMBEDDED_FSYNC: 'off' }
    const child = Bun.spawn([process.execPath, ...args], {
      cwd: emptyDir(),
      env,
      stdin: 'pipe',
      stdout: 'pipe',
    })
    child.stdin.write(secret)
    await child.stdin.flush()
    const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${child.pid}/${name}`, 'utf8'))
    child.stdin.write('\nnot this line\n')
    await child.stdin.end()
    expect(await child.exited).toBe(0)
    expect(shown.join()).not.toContain(secret)
    expect(await new Response(child.stdout).text()).toStartWith('created user a@example.com')
  })
})

describe('an invalid command line', () => {
  test.each([
    [[], /^Usage: fastkit user /],
    [['nonsense'], /^error: unknown command 'nonsense'/],
    [['create'], /--email/],
    [['disable'], /--email/],
    [['set-role', '--email', 'a@example.com'], /--role/],
    [['set-role', '--email', 'a@example.com', '--role', 'root'], /user, admin/],
    [['list', '--role', 'root'], /user, admin/],
    [['disable', '--email', 'a@example.com', '--role', 'user'], /--role/],
  ])('%p is answered with 2', async (args, reason) => {
    const cwd = emptyDir()
    const { exitCode, stdout, stderr } = await user({ cwd }, args)
    expect([exitCode, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(reason)
    expect(readdirSync(cwd)).toEqual([])
  })

  test.each(['create', 'list', 'set-role', 'set-password', 'disable', 'enable'])(
    '%s explains itself',
    async (name) => {
      expect((await user({ cwd: emptyDir() }, ['--help'])).stdout).toContain(`  ${name} `)
      const { exitCode, stdout } = await user({ cwd: emptyDir() }, [name, '--help'])
      expect([exitCode, stdout.split('\n')[0]]).toEqual([0, `Usage: fastkit user ${name} [options]`])
    },
  )
})

test('an invalid configuration ends with 78 before any prompt or connection', async () => {
  const cwd = emptyDir()
  const { exitCode, stderr } = await user({ cwd, env: { PORT: '70077' } }, ['list'])
  expect([exitCode, readdirSync(cwd)]).toEqual([78, []])
  expect(stderr).toContain('PORT must be')
})

test('an unreachable database is reported', async () => {
  const env = {
    DATABASE_URL: `postgres://fastkit:${secret}@127.0.0.1:1/fastkit`,
    JWT_SECRET: secret.repeat(2),
  }
  const { exitCode, stderr } = await user({ cwd: emptyDir(), env }, ['list'])
  expect([exitCode, stderr]).toEqual([
    1,
    'fastkit: The database does not answer. [ECONNREFUSED] (database_unavailable)\n',
  ])
})
