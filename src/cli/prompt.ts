import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

const maxLineBytes = 64 * 1024

/** Prompts on the terminal without echo. */
export type Ask = (question: string) => Promise<string>

/** Gives `work` a prompt. The prompt throws when the user presses Ctrl-C or Ctrl-D. */
export async function withPrompt<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
  // The terminal is in raw mode, and the echo of readline is discarded.
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const reader = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 })
  const lines = reader[Symbol.asyncIterator]()
  try {
    reader.once('SIGINT', () => reader.close())
    return await work(async (question) => {
      process.stderr.write(question)
      const { value, done } = await lines.next()
      process.stderr.write('\n')
      if (done) throw new Error('nothing was changed')
      return value
    })
  } finally {
    reader.close()
  }
}

/**
 * Reads the first line of standard input and nothing beyond it, because the writer may keep the pipe open. `what` names
 * the value in errors. Throws when it is not UTF-8.
 */
export async function firstLine(what: string): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of Bun.stdin.stream()) {
    chunks.push(chunk)
    size += chunk.length
    if (chunk.includes(newline) || size > maxLineBytes) break
  }
  const bytes = Buffer.concat(chunks)
  const end = bytes.indexOf(newline)
  try {
    const line = new TextDecoder('utf-8', { fatal: true }).decode(end === -1 ? bytes : bytes.subarray(0, end))
    return line.replace(/\r$/, '')
  } catch {
    throw new Error(`${what} is not UTF-8`)
  }
}

const newline = 0x0a
