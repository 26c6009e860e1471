import { statfs } from 'node:fs/promises'
import type { EmbeddedPostgres } from './embedded-postgres'

const checkIntervalMilliseconds = 100
// Room for the writes between two checks and for WAL segments of 4 MB, and some more before writing goes on.
const lowWatermarkBytes = 16 * 1024 * 1024
const highWatermarkBytes = 24 * 1024 * 1024

/**
 * Lets the database only read while the disk is nearly full. A row that does not fit is an error like any other, but a WAL
 * segment that does not fit ends Postgres, and it may not start again before there is room.
 */
export function guardDisk(
  postgres: EmbeddedPostgres,
  dataDir: string,
  onChange: (isLow: boolean) => void,
): () => void {
  let isLow = false
  let timer = setTimeout(check, 0)

  async function check() {
    await update().catch(nothing)
    timer = setTimeout(check, checkIntervalMilliseconds)
  }

  async function update() {
    const free = await freeBytes(dataDir)
    const mustBeLow = isLow ? free < highWatermarkBytes : free < lowWatermarkBytes
    if (!mustBeLow && !isLow) return
    const mode = mustBeLow ? 'on' : 'off'
    // Between two transactions; if this is not the moment, the next check tries again. A client that connects anew begins with
    // the setting as it was, so it is said again.
    if ((await postgres.execWhenIdle(`SET default_transaction_read_only = ${mode}`)) === null) return
    if (mustBeLow !== isLow) onChange(mustBeLow)
    isLow = mustBeLow
  }

  return () => clearTimeout(timer)
}

/** The bytes that may be written before the database becomes read-only. */
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

function nothing() {
  // A file system that does not say how full it is, is not guarded.
}
