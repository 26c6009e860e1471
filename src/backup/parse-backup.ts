import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { copyStatement, endOfCopy, parseRow, parseSequence } from './copy-format'
import type { Chunk, Row } from './export'
import { BackupRefused, backupFormat, Header, headerPrefix, Trailer, trailerPrefix } from './manifest'
import type { Table } from './tables'

/** Parses a backup line by line. Throws BackupRefused for an unexpected line. */
export function createParser(path: string) {
  const refuse = (what: string) => new BackupRefused(`${path} ${what}`)
  let header: Header | null = null
  let trailer: Trailer | null = null
  let tables = new Map<string, Table>()
  let table: Table | null = null
  let rows: Row[] = []

  function parseHeader(line: string) {
    header = checked(Header, jsonAfter(headerPrefix, line)) ?? null
    if (!header) throw refuse(isNewer(line) ? 'was made by a newer fastkit' : 'is not a backup of fastkit')
    tables = new Map(header.tables.map((each) => [copyStatement(each), each]))
  }

  /** Returns the rows since the last call. An empty table gives a chunk without rows. */
  function flushRows(): Chunk[] {
    const chunk = table && { table, rows }
    rows = []
    return chunk ? [chunk] : []
  }

  function parseLine(line: string): Chunk[] {
    if (!header) parseHeader(line)
    else if (trailer) throw refuse('continues after its end')
    else if (table && line === endOfCopy) {
      const last = flushRows()
      table = null
      return last
    } else if (table) rows.push(parseRow(line))
    else return parseBetweenTables(line)
    return []
  }

  function parseBetweenTables(line: string): Chunk[] {
    const sequence = parseSequence(line)
    if (sequence) return [{ sequence }]
    table = tables.get(line) ?? null
    if (table) return []
    trailer = checked(Trailer, jsonAfter(trailerPrefix, line))
    if (!trailer) throw refuse('is damaged')
    return []
  }

  return {
    parseLine,
    flushRows,
    get header() {
      return header
    },
    get trailer() {
      return trailer
    },
  }
}

const isNewer = (line: string) => {
  const value = jsonAfter(headerPrefix, line)
  return (
    typeof value === 'object' && value !== null && 'format' in value && Number(value.format) > backupFormat
  )
}

function checked<T extends TSchema>(schema: T, value: unknown): Static<T> | null {
  return Value.Check(schema, value) ? value : null
}

function jsonAfter(prefix: string, line: string): unknown {
  if (!line.startsWith(prefix)) return null
  try {
    return JSON.parse(line.slice(prefix.length))
  } catch {
    return null
  }
}
