import type { Accounts } from '../server/user-admin'

type Account = Accounts['items'][number]
type Pages = AsyncIterable<Account[]>

const header = ['ID', 'EMAIL', 'ROLE', 'ACTIVE', 'CREATED']

/** Formats accounts as a table with aligned columns. Reads every page twice: first for the widths. */
export async function* userTable(pages: () => Pages): AsyncGenerator<string> {
  let widths = header.map((cell) => cell.length)
  for await (const accounts of pages()) {
    const rows = accounts.map(cellsOf)
    widths = widths.map((width, column) => Math.max(width, ...rows.map((row) => row[column]?.length ?? 0)))
  }
  yield line(header, widths)
  for await (const accounts of pages())
    yield accounts.map((account) => line(cellsOf(account), widths)).join('')
}

function line(row: string[], widths: number[]): string {
  const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0))
  return `${cells.join('  ').trimEnd()}\n`
}

/** Formats accounts as a JSON array. */
export async function* userJson(pages: () => Pages): AsyncGenerator<string> {
  let before = '[\n'
  for await (const accounts of pages()) {
    if (accounts.length === 0) continue
    yield before + accounts.map(indented).join(',\n')
    before = ',\n'
  }
  yield before === '[\n' ? '[]\n' : '\n]\n'
}

const indented = (account: Account) => JSON.stringify(account, null, 2).replace(/^/gm, '  ')

const cellsOf = ({ id, email, role, is_active, created_at }: Account) => [
  id,
  email,
  role,
  is_active ? 'yes' : 'no',
  created_at,
]
