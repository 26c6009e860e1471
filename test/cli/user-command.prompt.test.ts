import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { repository } from '../support/executable'
import { createOperator } from '../support/operator'

const { emptyDir, user, clear } = createOperator()
const main = join(repository, 'src/main.ts')
const password = 'a quiet green lantern'
const enter = '\r'

setDefaultTimeout(60_000)
afterAll(clear)

/** Runs a command on a terminal and types an answer at each prompt. Returns the text of the screen. */
async function atTerminal(cwd: string, args: string[], answers: string[]) {
  let screen = ''
  const left = [...answers]
  const child = Bun.spawn([process.execPath, main, 'user', ...args], {
    cwd,
    env: { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', EMBEDDED_FSYNC: 'off', TERM: 'xterm' },
    terminal: {
      data(terminal, bytes) {
        const text = Buffer.from(bytes).toString()
        screen += text
        if (/(Password|Once more): $/.test(text)) terminal.write(left.shift() ?? '')
      },
    },
  })
  const exitCode = await child.exited
  return { exitCode, screen, unasked: left }
}

describe('on a terminal', () => {
  test('the password is asked twice and never shown', async () => {
    const cwd = emptyDir()
    const args = ['create', '--email', 'a@example.com']
    const { exitCode, screen, unasked } = await atTerminal(cwd, args, [password + enter, password + enter])
    expect([exitCode, unasked]).toEqual([0, []])
    expect(screen).toMatch(/^Password: \r\nOnce more: \r\ncreated user a@example\.com \(.{36}\)\r\n$/)
    expect((await user({ cwd }, ['list'])).stdout).toContain('a@example.com')
  })

  test('can be corrected, and may contain non-ASCII characters', async () => {
    const cwd = emptyDir()
    const args = ['create', '--email', 'a@example.com', '--password-stdin']
    const typed = [`grüner Leuchtturmx\x7f${enter}`, `falsch\x15grüner Leuchtturm${enter}`]
    const { exitCode, screen } = await atTerminal(cwd, args, typed)
    expect(exitCode).toBe(0)
    expect(screen).not.toMatch(/Leucht|falsch/)
  })

  test.each([
    ['the second differs', [password + enter, `${password}!${enter}`], 'the two passwords differ'],
    ['Ctrl-C', [`${password}\x03`], 'nothing was changed'],
    ['Ctrl-D', ['\x04'], 'nothing was changed'],
    ['it is empty', [enter, enter], 'no password was given'],
  ])('nothing happens when it is %s', async (_, typed, reason) => {
    const cwd = emptyDir()
    const { exitCode, screen } = await atTerminal(cwd, ['create', '--email', 'a@example.com'], typed)
    expect(exitCode).toBe(1)
    expect(screen).toContain(reason)
    expect(screen).not.toContain(password)
  })

  test('an invalid address is reported before any prompt', async () => {
    const { exitCode, screen, unasked } = await atTerminal(emptyDir(), ['create', '--email', 'nobody'], ['x'])
    expect([exitCode, unasked]).toEqual([1, ['x']])
    expect(screen).toContain('--email must be')
  })
})
