import { statfs } from 'node:fs/promises'
import type { EmbeddedPostgres } from './embedded-postgres'

const checkIntervalMilliseconds = 100
// The low mark leaves room for the writes between two checks and for WAL segments of 4 MB. The high mark adds hysteresis.
const lowWatermarkBytes = 16 * 1024 * 1024
const highWatermarkBytes = 24 * 1024 * 1024

/**
 * Makes the database read-only while the disk is nearly full: a WAL segment that does not fit would end Postgres, which
 * may then not start again. See docs/workarounds.md#pglite-full-disk.
 */
export function guardDisk(
  postgres: EmbeddedPostgres,
  dataDir: string,
  onChange: (isLow: boolean) => void,
): () => void {
  let isLow = false
  let timer = setTimeout(check, 0)

  async function check() {
    await update().catch(noop)
    timer = setTimeout(check, checkIntervalMilliseconds)
  }

  async function update() {
    const free = await freeBytes(dataDir)
    const mustBeLow = isLow ? free < highWatermarkBytes : free < lowWatermarkBytes
    if (!mustBeLow && !isLow) return
    const mode = mustBeLow ? 'on' : 'off'
    // A busy database is tried again at the next check. The setting is repeated while the disk is full, because a client
    // that reconnects starts with the default.
    if ((await postgres.execWhenIdle(`SET default_transaction_read_only = ${mode}`)) === null) return
    if (mustBeLow !== isLow) onChange(mustBeLow)
    isLow = mustBeLow
  }

  return () => clearTimeout(timer)
}

/** The bytes that can be written before the database becomes read-only. */
export async function writableBytes(dataDir: string): Promise<number> {
  try {
    return Math.max(0, (await freeBytes(dataDir)) - highWatermarkBytes)
  } catch {
    return Number.MAX_SAFE_INTEGER
  }
}

async function freeBytes(dataDir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dataDir)
  return bavail * bsize
}

function noop() {
  // A file system that does not report its free space is not guarded.
}
