import { realpathSync } from 'node:fs'

/** The commit of a checkout, with a `+` when files differ from it; `null` when it is unknown. */
export function commitOf(dir: string): string | null {
  // In a directory inside another repository, git would return the commit of that one.
  if (git(dir, 'rev-parse', '--show-toplevel') !== realpathSync(dir)) return null
  const commit = git(dir, 'rev-parse', '--short=12', 'HEAD')
  return commit && `${commit}${changedFiles(dir) === '' ? '' : '+'}`
}

/** The files that differ from the commit, as `git status --porcelain` lists them. */
export const changedFiles = (dir: string) => git(dir, 'status', '--porcelain')

/** The time of the last commit. */
export const committedAt = (dir: string) => new Date(Number(git(dir, 'log', '-1', '--format=%ct')) * 1000)

function git(cwd: string, ...args: string[]): string | null {
  try {
    const { exitCode, stdout } = Bun.spawnSync(['git', ...args], { cwd, stderr: 'ignore' })
    return exitCode === 0 ? stdout.toString().trim() : null
  } catch {
    return null
  }
}
