import { constants, fstatSync, openSync, writeSync } from 'node:fs'

const maxBufferMilliseconds = 5
const maxWriteCharacters = 64 * 1024
// For a reader that stalls.
const maxBufferedCharacters = 1024 * 1024
const retryMilliseconds = 20
const maxExitFlushMilliseconds = 1000

type Output = {
  /** Takes whole lines. */
  write(line: string): void
  /** Writes what the reader takes now. */
  flushSync(): void
}

/**
 * Buffers lines, since a write for each line would cost a busy service a sixth of its time. A reader that stalls does not
 * block the service and its probes: beyond a mebibyte lines are dropped, and a line from `formatDropped` says how many.
 */
export function standardOutput(formatDropped: (lines: number) => string): Output {
  const descriptor = openNonBlocking(1)
  let lines = ''
  let pending: Uint8Array = new Uint8Array()
  let dropped = 0
  let timer: Timer | null = null

  function flushSync() {
    if (timer) clearTimeout(timer)
    timer = null
    while (fillPending()) {
      pending = writeSome(descriptor, pending)
      if (pending.length === 0) continue
      timer = setTimeout(flushSync, retryMilliseconds)
      return
    }
  }
  /** Takes the next bytes to write; false if there are none. */
  function fillPending(): boolean {
    if (pending.length > 0) return true
    if (lines === '' && dropped > 0) {
      lines = formatDropped(dropped)
      dropped = 0
    }
    pending = Buffer.from(lines)
    lines = ''
    return pending.length > 0
  }
  process.on('exit', () => {
    const deadline = performance.now() + maxExitFlushMilliseconds
    for (flushSync(); timer && performance.now() < deadline; flushSync()) Bun.sleepSync(1)
  })

  return {
    write(line) {
      if (lines.length + pending.length > maxBufferedCharacters || dropped > 0) {
        dropped++
        return
      }
      timer ??= setTimeout(flushSync, maxBufferMilliseconds)
      lines += line
      if (lines.length >= maxWriteCharacters && pending.length === 0) flushSync()
    },
    flushSync,
  }
}

/** Whether a non-blocking pipe is full. */
export const isWouldBlock = (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'

/** Writes until the reader takes no more, and returns what is left. */
function writeSome(descriptor: number, bytes: Uint8Array): Uint8Array {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(descriptor, bytes, written)
    } catch (error) {
      if (isWouldBlock(error)) return bytes.subarray(written)
      // The reader has gone, and an error has nowhere to be logged.
      break
    }
  }
  return new Uint8Array()
}

/**
 * Opens the same pipe a second time: O_NONBLOCK on the given descriptor would apply to every process that shares it. Files
 * and terminals do not stall. A socket, such as journald's, cannot be opened again and stays blocking.
 */
function openNonBlocking(descriptor: number): number {
  try {
    if (!fstatSync(descriptor).isFIFO()) return descriptor
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return descriptor
  }
}
