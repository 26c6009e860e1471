import { decodeJwt } from 'jose'
import type { Sql } from 'postgres'

type Traces = { sql: Sql; lines: object[]; secrets: Set<string> }

/** Throws when a password, token or jti of a test is in the logs or the database of the service. */
export async function assertNothingLeaked({ sql, lines, secrets }: Traces) {
  const places = {
    log: lines.map((line) => JSON.stringify(line)).join('\n'),
    database: await withRetries(() => dump(sql)),
  }
  for (const secret of secrets) {
    for (const part of [secret, ...partsOf(secret)]) {
      for (const [place, text] of Object.entries(places)) {
        if (text.includes(part))
          throw new Error(`a secret of ${part.length} characters stands in the ${place}`)
      }
    }
  }
}

function partsOf(secret: string): string[] {
  if (!secret.startsWith('eyJ')) return []
  try {
    return [decodeJwt(secret).jti ?? '', secret.split('.')[2] ?? ''].filter((part) => part !== '')
  } catch {
    return []
  }
}

/** Retries: a test may have closed all connections of the service just before. */
async function withRetries<T>(work: () => Promise<T>, tries = 3): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (tries === 1) throw error
    return withRetries(work, tries - 1)
  }
}

async function dump(sql: Sql): Promise<string> {
  const tables = await sql`select tablename from pg_tables where schemaname = 'public'`
  const rows = await Promise.all(tables.map(({ tablename }) => sql`select t::text from ${sql(tablename)} t`))
  return JSON.stringify(rows)
}
