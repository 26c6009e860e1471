import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Makes renames and creations inside the directory survive a power loss. */
export function syncDir(dir: string) {
  const descriptor = openSync(dir, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** Makes a directory and all in it survive a power loss. */
export function syncTree(dir: string) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) syncTree(path)
    // A file's contents are synced by the same calls as a directory's entries.
    else if (entry.isFile()) syncDir(path)
  }
  syncDir(dir)
}
