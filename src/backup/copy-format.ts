import type { Row } from './export'
import type { Sequence, Table } from './tables'

// The text format of COPY: tabs between values, a line for each row, and these characters written so that they cannot
// be taken for either (PostgreSQL, COPY, "Text Format").
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const unescapes: Record<string, string> = { '\\\\': '\\', '\\t': '\t', '\\n': '\n', '\\r': '\r' }

/** What stands before the rows of a table. */
export const copyLine = ({ name, columns }: Table) => `COPY ${name} (${columns.join(', ')}) FROM stdin;`

/** What stands after them; no row can look like it. */
export const endOfRows = '\\.'

/** A row as one line, without its end. */
export const lineOf = (row: Row) => row.map(escaped).join('\t')

/** What `lineOf` was given. */
export const rowOf = (line: string): Row => line.split('\t').map(plain)

export const sequenceLine = ({ name, value }: Sequence) =>
  `SELECT pg_catalog.setval('${name.replaceAll("'", "''")}', ${value});`

/** What `sequenceLine` was given; `null` for any other line. */
export function sequenceIn(line: string): Sequence | null {
  const [, name, value] = line.match(/^SELECT pg_catalog\.setval\('(.+)', (-?\d+)\);$/) ?? []
  return name && value ? { name: name.replaceAll("''", "'"), value } : null
}

const escaped = (value: string | null) =>
  value === null ? '\\N' : value.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? '')

const plain = (value: string) =>
  value === '\\N' ? null : value.replace(/\\./g, (pair) => unescapes[pair] ?? pair)
