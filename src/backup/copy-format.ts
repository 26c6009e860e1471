import type { Row } from './export'
import type { Sequence, Table } from './tables'

// The text format of COPY: values are separated by tabs, rows by newlines, and these characters are escaped
// (PostgreSQL, COPY, "Text Format").
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }
const unescapes: Record<string, string> = { '\\\\': '\\', '\\t': '\t', '\\n': '\n', '\\r': '\r' }

/** The line before the rows of a table. */
export const copyStatement = ({ name, columns }: Table) => `COPY ${name} (${columns.join(', ')}) FROM stdin;`

/** The line after the rows. No row is equal to it, because rows escape the backslash. */
export const endOfCopy = '\\.'

/** Formats a row as one line, without the newline. */
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
