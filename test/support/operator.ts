import { join } from 'node:path'
import { createPlayground, repository } from './executable'

const main = join(repository, 'src/main.ts')
const cheap = { ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1', EMBEDDED_FSYNC: 'off', RATE_LIMIT: 'off' }

export type Place = { cwd: string; env?: Record<string, string> }
export type Command = { exitCode: number; stdout: string; stderr: string }

/** Runs commands and services from source, each in a separate process. */
export function createOperator() {
  const { emptyDir, run, serve, listen, launch, clear } = createPlayground()

  const fastkit = ({ cwd, env = {} }: Place, args: string[], input = '') =>
    run(process.execPath, { args: [main, ...args], cwd, env: { ...cheap, ...env }, input })

  return {
    emptyDir,
    clear,
    fastkit,
    /** Runs `fastkit user …` with `input` on standard input. */
    user: (place: Place, args: string[], input = ''): Promise<Command> =>
      fastkit(place, ['user', ...args], input),
    /**
     * Pipes a command into `reader`, a shell command, through a pipe that another process made non-blocking. The exit code
     * is that of the command.
     */
    piped({ cwd, env = {} }: Place, args: string[], reader: string): Promise<Command> {
      const before = `"$1" -e 'process.stdout.write("")'`
      const line = `{ ${before}; "$@"; } | (${reader}); exit "\${PIPESTATUS[0]}"`
      const path = { PATH: Bun.env['PATH'] ?? '' }
      const command = ['-c', line, 'bash', process.execPath, main, ...args]
      return run('bash', { args: command, cwd, env: { ...path, ...cheap, ...env } })
    },
    /** Starts a service. `options` are options of Bun. */
    serve: ({ cwd, env = {} }: Place, options: string[] = []) =>
      serve(process.execPath, { args: [...options, main], cwd, env: { ...cheap, ...env } }),
    /** Like `serve`, for a service that cannot become ready yet. */
    listen: ({ cwd, env = {} }: Place) =>
      listen(process.execPath, { args: [main], cwd, env: { ...cheap, ...env } }),
    /** Like `serve`, without waiting. */
    launch: ({ cwd, env = {} }: Place) =>
      launch(process.execPath, { args: [main], cwd, env: { ...cheap, ...env } }),
  }
}
