import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { UsageError } from '../usage'

const longestLineBytes = 64 * 1024

/**
 * A password from whoever runs the command: asked twice on a terminal, which does not show it, or the first line of
 * standard input. Throws UsageError when there is neither: a script must not hang.
 */
export async function newPassword(isFromStdin: boolean): Promise<string> {
  const { isTTY } = process.stdin
  if (!isTTY && !isFromStdin)
    throw new UsageError('there is no terminal to ask for a password; use --password-stdin')
  const password = await (isTTY ? promptTwice() : firstLine(Bun.stdin.stream()))
  if (password === '') throw new Error('no password was given')
  return password
}

async function promptTwice(): Promise<string> {
  // The terminal is in raw mode and what readline would echo goes nowhere.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 })
  const lines = reader[Symbol.asyncIterator]()
  const ask = async (question: string) => {
    process.stderr.write(question)
    const { value, done } = await lines.next()
    process.stderr.write('\n')
    if (done) throw new Error('nothing was changed')
    return value
  }
  try {
    reader.once('SIGINT', () => reader.close())
    const password = await ask('Password: ')
    if (password !== (await ask('Once more: ')))
      throw new Error('the two passwords differ; nothing was changed')
    return password
  } finally {
    reader.close()
  }
}

/** Reads no further than the end of the line: whatever writes may stay open. */
async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    chunks.push(chunk)
    size += chunk.length
    if (chunk.includes(newline) || size > longestLineBytes) break
  }
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf(newline)
  return decode(end === -1 ? bytes : bytes.subarray(0, end)).replace(/\r$/, '')
}

const newline = 0x0a

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('the password is not UTF-8')
  }
}
