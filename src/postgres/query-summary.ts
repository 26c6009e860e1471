/** The low-cardinality name of a statement for its span. */
export type Summary = { operation: string; summary: string }

// A bound for the cache: a query with a list has another text for each length of the list.
const maxRemembered = 500
const known = new Map<string, Summary>()

/** `INSERT sessions INSERT tokens` for a statement that writes to both, `SELECT users` for one that reads. */
export function querySummary(text: string): Summary {
  const remembered = known.get(text)
  if (remembered) return remembered
  if (known.size >= maxRemembered) known.clear()
  const summary = summarise(text)
  known.set(text, summary)
  return summary
}

// `for update` and `on conflict do update` are parts of another statement and not counted as updates.
const writes = /\b(insert(?= into)|delete(?= from)|(?<!\b(?:for|key|do)\s)update)(?: into| from)?\s+"?(\w+)/gi
const reads = /\bselect\b.*?\bfrom\s+"?(\w+)/is

function summarise(text: string): Summary {
  const written = [...text.matchAll(writes)].map(([, verb = '', table = '']) => [verb.toUpperCase(), table])
  const [first] = written
  if (first) return { operation: first[0] ?? '', summary: written.flat().join(' ') }
  const [, table] = reads.exec(text) ?? []
  const operation = /\w+/.exec(text)?.[0]?.toUpperCase() ?? 'QUERY'
  return table ? { operation: 'SELECT', summary: `SELECT ${table}` } : { operation, summary: operation }
}
