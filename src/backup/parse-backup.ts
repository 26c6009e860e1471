import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { copyLine, endOfRows, rowOf, sequenceIn } from './copy-format'
import type { Piece, Row } from './export'
import { BackupRefused, backupFormat, Head, headMark, Tail, tailMark } from './manifest'
import type { Table } from './tables'

/** Understands the lines of a backup one after the other. Throws BackupRefused at a line that has no place there. */
export function createParser(path: string) {
  const refuse = (what: string) => new BackupRefused(`${path} ${what}`)
  let head: Head | null = null
  let tail: Tail | null = null
  let tables = new Map<string, Table>()
  let table: Table | null = null
  let rows: Row[] = []

  function begin(line: string) {
    head = parsed(Head, jsonAfter(headMark, line)) ?? null
    if (!head) throw refuse(isNewer(line) ? 'was made by a newer fastkit' : 'is not a backup of fastkit')
    tables = new Map(head.tables.map((each) => [copyLine(each), each]))
  }

  /** Rows that were read since the last time; a table without any is a piece too. */
  function takeRows(): Piece[] {
    const piece = table && { table, rows }
    rows = []
    return piece ? [piece] : []
  }

  function take(line: string): Piece[] {
    if (!head) begin(line)
    else if (tail) throw refuse('has something after its end')
    else if (table && line === endOfRows) {
      const last = takeRows()
      table = null
      return last
    } else if (table) rows.push(rowOf(line))
    else return takeBetweenTables(line)
    return []
  }

  function takeBetweenTables(line: string): Piece[] {
    const sequence = sequenceIn(line)
    if (sequence) return [{ sequence }]
    table = tables.get(line) ?? null
    if (table) return []
    tail = parsed(Tail, jsonAfter(tailMark, line))
    if (!tail) throw refuse('is damaged')
    return []
  }

  return {
    take,
    takeRows,
    get head() {
      return head
    },
    get tail() {
      return tail
    },
  }
}

const isNewer = (line: string) => {
  const value = jsonAfter(headMark, line)
  return (
    typeof value === 'object' && value !== null && 'format' in value && Number(value.format) > backupFormat
  )
}

function parsed<T extends TSchema>(schema: T, value: unknown): Static<T> | null {
  return Value.Check(schema, value) ? value : null
}

function jsonAfter(mark: string, line: string): unknown {
  if (!line.startsWith(mark)) return null
  try {
    return JSON.parse(line.slice(mark.length))
  } catch {
    return null
  }
}
