import { isatty } from 'node:tty'
import type { TableChecksum } from '../backup/tables'
import type { OnChunk } from '../backup/transfer'

export type Progress = { show(text: string): void; onChunk: OnChunk; end(): void }

const intervalMilliseconds = 100

/** Shows the number of processed rows in one line of the terminal, or nothing when standard error is not a terminal. */
export function createProgress(verb: string): Progress {
  if (!isatty(2)) return { show: noop, onChunk: noop, end: noop }
  const { stderr } = process
  let shownAt = 0
  let rows = 0
  const show = (text: string) => {
    if (performance.now() - shownAt < intervalMilliseconds) return
    shownAt = performance.now()
    stderr.write(`\r\x1b[K${text}`)
  }
  return {
    show,
    onChunk(chunk, sums) {
      if ('sequence' in chunk) return
      rows += chunk.rows.length
      show(`${verb} ${chunk.table.name}: ${format(rows)} of ${format(totalRows(sums))} rows`)
    },
    end: () => void stderr.write('\r\x1b[K'),
  }
}

/** `12 tables, 34,567 rows`. */
export const formatSize = (sums: TableChecksum[]) => `${sums.length} tables, ${format(totalRows(sums))} rows`

const totalRows = (sums: TableChecksum[]) => sums.reduce((total, { rows }) => total + Number(rows), 0)
const format = (value: number) => value.toLocaleString('en')

function noop() {
  // Standard error is not a terminal.
}
