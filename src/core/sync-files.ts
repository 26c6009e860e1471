import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Makes renames and new entries of a directory survive a power loss. */
export function syncDir(dir: string) {
  const descriptor = openSync(dir, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** Makes a directory and everything in it survive a power loss. */
export function syncTree(dir: string) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) syncTree(path)
    // The same calls sync the contents of a file and the entries of a directory.
    else if (entry.isFile()) syncDir(path)
  }
  syncDir(dir)
}
