import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Files of root in a directory of another user. That user could not start the database any more. */
export class RootRefused extends Error {
  override readonly name = 'RootRefused'
}

/** Throws `RootRefused` when this process is root and the cluster, or else the directory, belongs to another user. */
export function refuseRoot(dataDir: string) {
  const cluster = join(dataDir, 'pg')
  const { uid, gid } = statSync(existsSync(cluster) ? cluster : dataDir)
  if (process.geteuid?.() !== 0 || uid === 0) return
  const name = userName(uid)
  const command = name ? `runuser -u ${name} -- ` : `setpriv --reuid=${uid} --regid=${gid} --clear-groups `
  throw new RootRefused(
    `DATA_DIR ${dataDir} belongs to ${name ?? `user ${uid}`}, who could not use files of root in it; run: ${command}fastkit …`,
  )
}

/** Says which file of a cluster belongs to another user, and how to change that; `null` without such a file. */
export function explainForeignFile(dataDir: string): string | null {
  const self = process.geteuid?.()
  const foreign = filesIn(join(dataDir, 'pg')).find((path) => ownerOf(path) !== self)
  if (self === undefined || foreign === undefined) return null
  const [owner, name] = [ownerOf(foreign), self].map((uid) => userName(uid) ?? uid)
  return `${foreign} belongs to ${owner}, and this process runs as ${name}; as root, run: chown -R ${name} ${dataDir}`
}

const ownerOf = (path: string) => lstatSync(path, { throwIfNoEntry: false })?.uid ?? process.geteuid?.() ?? 0

const filesIn = (dir: string) =>
  existsSync(dir)
    ? readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => join(dir, path))
    : []

/** The name of a user of this machine, for messages. */
function userName(uid: number): string | null {
  try {
    const users = readFileSync('/etc/passwd', 'utf8').split('\n')
    return users.map((line) => line.split(':')).find((fields) => fields[2] === String(uid))?.[0] ?? null
  } catch {
    return null
  }
}
