import { isatty } from 'node:tty'
import type { Chunk } from '../backup/export'
import type { TableChecksum } from '../backup/tables'

export type Progress = { show(what: string): void; end(): void }

const pauseMilliseconds = 100

/** One line on the terminal that says how far it is; nothing where standard error is no terminal. */
export function createProgress(): Progress {
  if (!isatty(2)) return { show: nothing, end: nothing }
  const { stderr } = process
  let shownAt = 0
  return {
    show(what) {
      if (performance.now() - shownAt < pauseMilliseconds) return
      shownAt = performance.now()
      stderr.write(`\r\x1b[K${what}`)
    },
    end: () => void stderr.write('\r\x1b[K'),
  }
}

/** Passes the chunks on and shows how many rows went by. */
export async function* counted(
  chunks: AsyncIterable<Chunk>,
  { what, sums, progress }: { what: string; sums: TableChecksum[]; progress: Progress },
): AsyncGenerator<Chunk> {
  const all = rowsIn(sums)
  let rows = 0
  for await (const chunk of chunks) {
    yield chunk
    if ('sequence' in chunk) continue
    rows += chunk.rows.length
    progress.show(`${what} ${chunk.table.name}: ${figure(rows)} of ${figure(all)} rows`)
  }
}

/** `12 tables, 34,567 rows`. */
export const sizeOf = (sums: TableChecksum[]) => `${sums.length} tables, ${figure(rowsIn(sums))} rows`

const rowsIn = (sums: TableChecksum[]) => sums.reduce((all, { rows }) => all + Number(rows), 0)
const figure = (value: number) => value.toLocaleString('en')

function nothing() {
  // There is no terminal to show it on.
}
