import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './executable'

/** What stands in an example, and what takes its place everywhere in it. */
export type Swap = [was: string, is: string]

/** A file of docs/deploy with some words swapped. Throws for one that is not there: then it is not what was tested. */
export function example(name: string, swaps: Swap[]): string {
  return swaps.reduce(
    (text, [was, is]) => {
      if (!text.includes(was)) throw new Error(`docs/deploy/${name} has no ${JSON.stringify(was)}`)
      return text.replaceAll(was, is)
    },
    readFileSync(join(repository, 'docs/deploy', name), 'utf8'),
  )
}

/** A port that nobody listens on just now. */
export function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } })
  const { port } = server
  server.stop(true)
  return port
}

/** Waits until someone listens on a port. */
export async function listening(port: number) {
  for (let tries = 0; tries < 200; tries++, await Bun.sleep(50)) {
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: { data: () => undefined },
    }).catch(() => null)
    socket?.end()
    if (socket) return
  }
  throw new Error('the proxy does not listen')
}
