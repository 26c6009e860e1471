import { join } from 'node:path'
import { createPlayground, repository } from './executable'

const main = join(repository, 'src/main.ts')
const cheap = { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', EMBEDDED_FSYNC: 'off', RATE_LIMIT: 'off' }

export type Place = { cwd: string; env?: Record<string, string> }
export type Command = { exitCode: number; stdout: string; stderr: string }

/** Someone at a shell: runs commands and services from source, each in a process of its own. */
export function createOperator() {
  const { emptyDir, run, serve, listen, launch, clear } = createPlayground()

  const fastkit = ({ cwd, env = {} }: Place, args: string[], input = '') =>
    run(process.execPath, { args: [main, ...args], cwd, env: { ...cheap, ...env }, input })

  return {
    emptyDir,
    clear,
    fastkit,
    /** `fastkit user …`; `input` is what arrives on standard input. */
    user: (place: Place, args: string[], input = ''): Promise<Command> =>
      fastkit(place, ['user', ...args], input),
    /**
     * What `reader`, of a shell, makes of the output of a command in a pipe that another has set not to wait; the exit code
     * is the command's.
     */
    piped({ cwd, env = {} }: Place, args: string[], reader: string): Promise<Command> {
      const before = `"$1" -e 'process.stdout.write("")'`
      const line = `{ ${before}; "$@"; } | (${reader}); exit "\${PIPESTATUS[0]}"`
      const path = { PATH: Bun.env['PATH'] ?? '' }
      const command = ['-c', line, 'bash', process.execPath, main, ...args]
      return run('bash', { args: command, cwd, env: { ...path, ...cheap, ...env } })
    },
    /** `options` are Bun's own. */
    serve: ({ cwd, env = {} }: Place, options: string[] = []) =>
      serve(process.execPath, { args: [...options, main], cwd, env: { ...cheap, ...env } }),
    /** As `serve`, for a service that cannot be ready yet. */
    listen: ({ cwd, env = {} }: Place) =>
      listen(process.execPath, { args: [main], cwd, env: { ...cheap, ...env } }),
    /** As `serve`, and waits for nothing. */
    launch: ({ cwd, env = {} }: Place) =>
      launch(process.execPath, { args: [main], cwd, env: { ...cheap, ...env } }),
  }
}
