import { realpathSync } from 'node:fs'

/** The commit that a directory was checked out from, `+` behind it when files differ; `null` when that is not known. */
export function commitOf(dir: string): string | null {
  // In a directory below, git would answer for a project that this one only lies in.
  if (git(dir, 'rev-parse', '--show-toplevel') !== realpathSync(dir)) return null
  const commit = git(dir, 'rev-parse', '--short=12', 'HEAD')
  return commit && `${commit}${changedFiles(dir) === '' ? '' : '+'}`
}

/** The files that differ from the commit, as git lists them. */
export const changedFiles = (dir: string) => git(dir, 'status', '--porcelain')

/** When the last commit was made. */
export const committedAt = (dir: string) => new Date(Number(git(dir, 'log', '-1', '--format=%ct')) * 1000)

function git(cwd: string, ...args: string[]): string | null {
  try {
    const { exitCode, stdout } = Bun.spawnSync(['git', ...args], { cwd, stderr: 'ignore' })
    return exitCode === 0 ? stdout.toString().trim() : null
  } catch {
    return null
  }
}
