import postgres from 'postgres'

/** The PostgreSQL server of the tests. Without it they run on the embedded database. */
export const serverUrl = Bun.env['TEST_DATABASE_URL'] || null

/** Creates a database on the server. The embedded database needs none, because every directory has its own. */
export async function createTestDatabase(
  options = '',
): Promise<{ url: string | null; drop(): Promise<void> }> {
  if (!serverUrl) return { url: null, drop: nothing }
  const name = `fastkit_test_${crypto.randomUUID().replaceAll('-', '')}`
  await onServer(serverUrl, `create database ${name} ${options}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  // Tries without FORCE first: this waits for an autovacuum worker, which FORCE may not end.
  const drop = () =>
    onServer(serverUrl, `drop database ${name}`).catch(() =>
      onServer(serverUrl, `drop database ${name} with (force)`),
    )
  return { url: url.href, drop }
}

async function onServer(url: string | null, statement: string) {
  if (!url) return
  const sql = postgres(url, { max: 1, onnotice: nothing })
  try {
    await sql.unsafe(statement)
  } finally {
    await sql.end()
  }
}

export async function nothing() {
  // A callback that does nothing.
}
