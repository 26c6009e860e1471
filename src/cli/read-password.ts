import { isatty } from 'node:tty'
import { atTerminal, firstLine } from './prompt'
import { UsageError } from './usage-error'

/**
 * A password from whoever runs the command: asked twice on a terminal, which does not show it, or the first line of
 * standard input. Throws UsageError when there is neither: a script must not hang.
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
  atTerminal(async (ask) => {
    const password = await ask('Password: ')
    if (password !== (await ask('Once more: ')))
      throw new Error('the two passwords differ; nothing was changed')
    return password
  })
