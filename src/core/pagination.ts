import { uuidPattern } from './crypto'
import { fail } from './errors'

/** One page of a list, newest first. */
export type Page<T> = { items: T[]; next_cursor: string | null }

const defaultLimit = 20

type Asked = { limit?: number; cursor?: string }

/** Reads the limit and the cursor of a query. Throws `validation_failed` for a malformed cursor. */
export const pageRequest = ({ limit = defaultLimit, cursor }: Asked, idPattern = uuidPattern) => ({
  limit,
  before: idOf(cursor, idPattern),
})

/** Makes a page from up to `limit + 1` rows. The extra row shows that there is a next page. */
export function pageOf<R extends { id: string }, T>(
  rows: R[],
  limit: number,
  present: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return {
    items: shown.map(present),
    next_cursor: hasMore ? Buffer.from(last.id).toString('base64url') : null,
  }
}

/** Decodes a cursor to the id in it; `null` for the first page. */
function idOf(cursor: string | undefined, idPattern: RegExp): string | null {
  if (cursor === undefined) return null
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (idPattern.test(id)) return id
  throw fail('validation_failed', {
    errors: [{ pointer: '/cursor', message: 'must be the next_cursor of an earlier page' }],
  })
}
