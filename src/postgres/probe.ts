import type { Sql } from 'postgres'
import type { Client } from './client'
import { isConnectionRefused } from './database-errors'
import type { Pool } from './pool'

const probeTimeoutMilliseconds = 1000
const probeCacheMilliseconds = 500
/** The connection of the probe is closed when no probe came for so long. */
export const probeIdleSeconds = 60
// After this time the connection counts as lost and is replaced.
const probeOverdueMilliseconds = 3000

type Probed = { client: Client; probePool: Pool; onReadOnly: (() => void) | null }

/**
 * Sends one query at a time: while a probe hangs, further ones would only queue behind it. Without room for its own
 * connection it uses one of the client, which requests use too. With `onReadOnly` a server that refuses writes counts as
 * one that does not answer.
 */
export function probe({ client, probePool: pool, onReadOnly }: Probed) {
  let underway: Promise<boolean> | null = null
  let latest: Promise<boolean> | null = null
  const send = async () => {
    try {
      const isWritable = await ask(pool, client)
      if (isWritable || !onReadOnly) return true
      onReadOnly()
      return false
    } catch {
      return false
    } finally {
      underway = null
    }
  }
  return () => {
    if (latest) return latest
    underway ??= send()
    const current = Promise.race([underway, Bun.sleep(probeTimeoutMilliseconds).then(() => false)])
    latest = current
    void current.then(() => setTimeout(() => (latest = null), probeCacheMilliseconds).unref())
    return current
  }
}

/** False on a server that refuses writes, such as a primary after its failover. */
export async function acceptsWrites(sql: Sql): Promise<boolean> {
  const [row] = await sql`select current_setting('transaction_read_only') as value`
  return row?.['value'] === 'off'
}

async function ask(pool: Pool, client: Client): Promise<boolean> {
  try {
    return await pool.use((sql) => abandonWhenOverdue(pool, sql))
  } catch (error) {
    if (!isConnectionRefused(error)) throw error
    await client.unsafe('select 1')
    return true
  }
}

async function abandonWhenOverdue(pool: Pool, sql: Sql) {
  const timer = setTimeout(() => pool.abandon(sql), probeOverdueMilliseconds)
  try {
    return await acceptsWrites(sql)
  } finally {
    clearTimeout(timer)
  }
}
