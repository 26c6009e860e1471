import postgres from 'postgres'

/** Where tests find a PostgreSQL server; without it they run on the embedded database. */
export const serverUrl = Bun.env['TEST_DATABASE_URL'] || null

/** A fresh database on the server; nothing to do when there is none, since every embedded directory is one. */
export async function createTestDatabase(): Promise<{ url: string | null; drop(): Promise<void> }> {
  if (!serverUrl) return { url: null, drop: nothing }
  const name = `fastkit_test_${crypto.randomUUID().replaceAll('-', '')}`
  await onServer(serverUrl, `create database ${name}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  // Without force first: it waits for an autovacuum worker, which force is not allowed to end.
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
  // For places that want a function where there is nothing to do.
}
