import { describe, expect, test } from 'bun:test'
import { pagesOf } from '../../src/cli/user-command'
import { userJson, userTable } from '../../src/cli/user-table'
import type { UserCommand } from '../../src/server/user-admin'

const accounts = Array.from({ length: 5000 }, (_, at) => ({
  id: `0190${String(at).padStart(32, '0')}`,
  email: `${'n'.repeat(at % 37)}${at}@example.com`,
  display_name: at % 3 ? null : `Number\t"${at}"`,
  role: at % 5 ? ('user' as const) : ('admin' as const),
  is_active: at % 2 === 0,
  created_at: '2026-01-01T00:00:00.000Z',
  updated_at: '2026-01-01T00:00:00.000Z',
}))

/** A service with the first `total` accounts; `read` counts those that were handed out. */
function serviceOf(total: number) {
  const state = { read: 0 }
  const perform = async (command: UserCommand) => {
    if (command.do !== 'list') throw new Error('only lists')
    const from = Number(command.input.cursor ?? 0)
    const items = accounts.slice(from, Math.min(from + 100, total))
    state.read += items.length
    return { items, next_cursor: from + 100 < total ? String(from + 100) : null }
  }
  return { state, pages: () => pagesOf(perform, { limit: 100 }) }
}

const cells = accounts.map(({ id, email, role, is_active, created_at }) => [
  id,
  email,
  role,
  is_active ? 'yes' : 'no',
  created_at,
])

function tableOf(total: number): string {
  const rows = [['ID', 'EMAIL', 'ROLE', 'ACTIVE', 'CREATED'], ...cells.slice(0, total)]
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return rows.map((row) => `${line(row).trimEnd()}\n`).join('')
}

async function join(texts: AsyncIterable<string>): Promise<string> {
  const all: string[] = []
  for await (const text of texts) all.push(text)
  return all.join('')
}

describe.each([0, 1, 100, 101, 5000])('a list of %d accounts', (total) => {
  test('is the table and the array that it would be in one piece', async () => {
    const { pages } = serviceOf(total)
    expect(await join(userTable(pages))).toBe(tableOf(total))
    expect(await join(userJson(pages))).toBe(`${JSON.stringify(accounts.slice(0, total), null, 2)}\n`)
  })
})

test('a list of thousands is printed a page at a time, and never reads ahead of what is printed', async () => {
  const { state, pages } = serviceOf(accounts.length)
  let printed = 0
  for await (const text of userJson(pages)) {
    printed += text.split('"id"').length - 1
    expect(state.read).toBe(printed)
  }
  expect(printed).toBe(accounts.length)

  state.read = 0
  let lines = -1
  for await (const text of userTable(pages)) {
    lines += text.split('\n').length - 1
    // The first reading is for the widths.
    expect(state.read).toBe(accounts.length + lines)
  }
  expect(lines).toBe(accounts.length)
})
