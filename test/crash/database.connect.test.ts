import { expect, test } from 'bun:test'
import { sql as statement } from 'drizzle-orm'
import { failureIn } from '../../src/core/errors'
import { openDatabase } from '../../src/postgres/database'
import { createTestDatabase, serverUrl } from '../support/database'
import { createLink } from '../support/proxy'

// Connections to the embedded database use no network.
test.skipIf(serverUrl === null)(
  'connections that open after their first query was withdrawn serve the next queries',
  async () => {
    const { url, drop } = await createTestDatabase()
    const link = createLink(String(url))
    const { db, close } = openDatabase({ url: link.url, poolSize: 2, statementTimeoutMilliseconds: 200 })
    const ask = () => db.execute(statement`select 1`)

    link.freeze()
    const refusals = await Promise.all(
      Array.from({ length: 6 }, () => ask().catch((error) => failureIn(error)?.code)),
    )
    expect(refusals).toEqual(Array(6).fill('database_unavailable'))

    link.thaw()
    // The first round is for queued queries. After it every connection of the pool must work, several times.
    await Promise.allSettled([ask(), ask()])
    for (let round = 0; round < 5; round++) expect(await Promise.all([ask(), ask(), ask()])).toHaveLength(3)

    await close()
    link.close()
    await drop()
  },
)
