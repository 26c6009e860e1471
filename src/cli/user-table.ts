import type { Accounts } from '../server/user-admin'

type Account = Accounts['items'][number]

/** Formats accounts as a table with aligned columns. */
export function userTable(accounts: Account[]): string {
  const rows = [['ID', 'EMAIL', 'ROLE', 'ACTIVE', 'CREATED'], ...accounts.map(cells)]
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}

const cells = ({ id, email, role, is_active, created_at }: Account) => [
  id,
  email,
  role,
  is_active ? 'yes' : 'no',
  created_at,
]
