import { constants, fstatSync, openSync, writeSync } from 'node:fs'

// How long a line may wait for others, and how much is written at once.
const maxMilliseconds = 5
const maxCharacters = 64 * 1024
// For a reader that stalls: how much waits for it, how often it is looked at, and how long at the end.
const maxWaitingCharacters = 1024 * 1024
const retryMilliseconds = 20
const maxEndMilliseconds = 1000

/** Standard output in large writes. `write` is given whole lines. */
type Output = {
  write(line: string): void
  /** Writes what can be written now: at a normal end nothing stays behind. */
  flushSync(): void
}

/**
 * A write for each line would cost a busy service a sixth of its time. A reader that stalls is not waited for: it would
 * stop the service, probes and all. Beyond a mebibyte lines are dropped, and the first one after them, made by `gap`, says
 * how many.
 */
export function standardOutput(gap: (lines: number) => string): Output {
  const descriptor = withoutWaiting(1)
  let lines = ''
  let rest: Uint8Array = new Uint8Array()
  let dropped = 0
  let timer: Timer | null = null

  function flushSync() {
    if (timer) clearTimeout(timer)
    timer = null
    while (takeNext()) {
      rest = writeSome(descriptor, rest)
      if (rest.length === 0) continue
      timer = setTimeout(flushSync, retryMilliseconds)
      return
    }
  }
  /** Makes `rest` what is to be written next; false when that is nothing. */
  function takeNext(): boolean {
    if (rest.length > 0) return true
    if (lines === '' && dropped > 0) {
      lines = gap(dropped)
      dropped = 0
    }
    rest = Buffer.from(lines)
    lines = ''
    return rest.length > 0
  }
  process.on('exit', () => {
    const deadline = performance.now() + maxEndMilliseconds
    for (flushSync(); timer && performance.now() < deadline; flushSync()) Bun.sleepSync(1)
  })

  return {
    write(line) {
      if (lines.length + rest.length > maxWaitingCharacters || dropped > 0) {
        dropped++
        return
      }
      timer ??= setTimeout(flushSync, maxMilliseconds)
      lines += line
      if (lines.length >= maxCharacters && rest.length === 0) flushSync()
    },
    flushSync,
  }
}

/** Whether a pipe that does not wait takes no more just now. */
export const isFull = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EAGAIN'

/** What is left over when the reader takes no more. */
function writeSome(descriptor: number, bytes: Uint8Array): Uint8Array {
  for (let written = 0; written < bytes.length; ) {
    try {
      written += writeSync(descriptor, bytes, written)
    } catch (error) {
      if (isFull(error)) return bytes.subarray(written)
      // Nobody reads any more: there is nowhere to say so.
      break
    }
  }
  return new Uint8Array()
}

/**
 * The same pipe, opened anew so as not to wait: to say so of the one that we were given would say it to everyone who has
 * it. Files and terminals do not stall; a socket, as of journald, cannot be opened anew and is waited for.
 */
function withoutWaiting(descriptor: number): number {
  try {
    if (!fstatSync(descriptor).isFIFO()) return descriptor
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch {
    return descriptor
  }
}
