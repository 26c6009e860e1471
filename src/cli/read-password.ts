import { isatty } from 'node:tty'
import { firstLine, withPrompt } from './prompt'
import { UsageError } from './usage-error'

/**
 * Reads a password: prompted twice on a terminal, or the first line of standard input. Throws UsageError when there is
 * neither, because a script must not hang.
 */
export async function newPassword(isFromStdin: boolean): Promise<string> {
  const isTerminal = isatty(0)
  if (!isTerminal && !isFromStdin)
    throw new UsageError('there is no terminal to ask for a password; use --password-stdin')
  const password = await (isTerminal ? promptTwice() : firstLine('the password'))
  if (password === '') throw new Error('no password was given')
  return password
}

const promptTwice = () =>
  withPrompt(async (ask) => {
    const password = await ask('Password: ')
    if (password !== (await ask('Once more: ')))
      throw new Error('the two passwords differ; nothing was changed')
    return password
  })
