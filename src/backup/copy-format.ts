import type { Row } from './export'
import type { Sequence, Table } from './tables'

// The text format of COPY: tabs between values, a line for each row, and these characters written so that they cannot
// be taken for either (PostgreSQL, COPY, "Text Format").
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const unescapes: Record<string, string> = { '\\\\': '\\', '\\t': '\t', '\\n': '\n', '\\r': '\r' }

/** Comes before the rows of a table. */
export const copyStatement = ({ name, columns }: Table) => `COPY ${name} (${columns.join(', ')}) FROM stdin;`

/** Comes after them; no row can look like it. */
export const endOfCopy = '\\.'

/** A row as one line, without its end. */
export const formatRow = (row: Row) => row.map(escapeValue).join('\t')

/** Reverses `formatRow`. */
export const parseRow = (line: string): Row => line.split('\t').map(unescapeValue)

export const formatSequence = ({ name, value }: Sequence) =>
  `SELECT pg_catalog.setval('${name.replaceAll("'", "''")}', ${value});`

/** Reverses `formatSequence`; `null` for any other line. */
export function parseSequence(line: string): Sequence | null {
  const [, name, value] = line.match(/^SELECT pg_catalog\.setval\('(.+)', (-?\d+)\);$/) ?? []
  return name && value ? { name: name.replaceAll("''", "'"), value } : null
}

const escapeValue = (value: string | null) =>
  value === null ? '\\N' : value.replace(/[\\\t\n\r]/g, (character) => escapes[character] ?? '')

const unescapeValue = (value: string) =>
  value === '\\N' ? null : value.replace(/\\./g, (pair) => unescapes[pair] ?? pair)
