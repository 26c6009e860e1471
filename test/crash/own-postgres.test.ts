import { afterEach, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { noOwnPostgres, type OwnPostgres, startOwnPostgres } from '../support/own-postgres'

let own: OwnPostgres | null = null

afterEach(async () => {
  await own?.remove()
  own = null
})

describe.skipIf(noOwnPostgres !== null)(`a private PostgreSQL server ${noOwnPostgres ?? ''}`, () => {
  test('can be stopped, started and paused, and is removed at the end', async () => {
    own = await startOwnPostgres({ max_connections: 7 })
    const { url, pid } = own
    expect(await ask(url)).toEqual({ role: 'fastkit', most: '7' })
    await own.restart('immediate')
    expect(own.pid).not.toBe(pid)
    own.pause()
    expect(await Promise.race([ask(url).catch(() => 'failed'), Bun.sleep(500).then(() => 'silent')])).toBe(
      'silent',
    )
    own.resume()
    expect(await ask(url)).toEqual({ role: 'fastkit', most: '7' })
    await own.remove()
    own = null
    await expect(ask(url)).rejects.toThrow()
  })
})

async function ask(url: string) {
  const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false })
  try {
    const [row] = await sql`select current_user as role, current_setting('max_connections') as most`
    return { ...row }
  } finally {
    await sql.end({ timeout: 1 })
  }
}
