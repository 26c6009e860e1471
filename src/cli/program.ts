import { Command, CommanderError } from 'commander'
import { ConfigError } from '../core/config'
import { catchSighup } from '../server/sighup'
import type { Action, Wrap } from './action'
import { addBackup } from './add-backup-commands'
import { addUser } from './add-user-commands'
import { environment } from './environment'
import { UsageError } from './usage-error'
import { fullVersion } from './version'

/** Exit codes, from sysexits.h where it defines one. */
export const exitCodes = { fine: 0, failed: 1, usage: 2, badConfiguration: 78 } as const

/** Runs the subcommand that the arguments name, by default `serve`, and returns the exit code. */
export async function run(args: string[]): Promise<number> {
  let exitCode: number = exitCodes.fine
  // A subcommand is imported when it runs: `fastkit secret` does not load a web server.
  const program = commands((work) => async (options, command) => {
    running = command
    exitCode = await work(environment(command.optsWithGlobals()['envFile']), options)
  })
  let running = program
  try {
    refusePasswords(args)
    refuseUnknown(program, args)
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return await explain(error, running)
  }
}

function commands(wrap: Wrap): Command {
  const program = new Command('fastkit')
    .description('A backend service with accounts, sessions, tokens and WebSockets over PostgreSQL.')
    .option('--env-file <path>', 'also read variables from this file; the environment takes precedence')
    .version(fullVersion)
    .addHelpText('after', '\nSettings are environment variables. `fastkit config` prints all of them.')
    .exitOverride()
  const add = (name: string, description: string, work: Action<unknown>) =>
    program
      .command(name, { isDefault: name === 'serve' })
      .description(description)
      .allowExcessArguments(false)
      .action(wrap(work))

  add('serve', 'run the service (the default)', async (env) => {
    const sighup = catchSighup()
    return (await import('./serve-command')).serve(env, sighup)
  })
  add('migrate', 'apply the missing migrations, then exit', async (env) =>
    (await import('./migrate-command')).migrateAndExit(env),
  )
  addUser(program, wrap)
  addBackup(program, wrap)
  add('openapi', 'print the OpenAPI document', async (env) =>
    (await import('./openapi-command')).printDocument(env),
  )
  add('health', 'exit with 0 if the service on HOST and PORT is ready, else with 1', async (env) =>
    (await import('./health-command')).checkHealth(env),
  )
  add('config', 'print the effective configuration with masked secrets', async (env) =>
    (await import('./config-command')).printConfig(env),
  )
  add('secret', 'print a new key for JWT_SECRET', async () =>
    (await import('./secret-command')).printSecret(),
  )
  add('version', 'print the version and the commit of the executable', async () => print(fullVersion))
  setUsage(program)
  return program
}

/** Gives each command its own usage line. */
function setUsage(command: Command) {
  command.configureOutput({ outputError: (text, write) => write(withoutValues(text) + usageOf(command)) })
  for (const subcommand of command.commands) setUsage(subcommand)
}

/** Refuses an unknown subcommand. See docs/workarounds.md#commander-default-command. */
function refuseUnknown(program: Command, args: string[]) {
  const { operands, unknown } = program.parseOptions(args)
  const [name = ''] = [...operands, ...unknown]
  const isKnown =
    name === '' ||
    name.startsWith('-') ||
    name === 'help' ||
    program.commands.some((command) => command.name() === name)
  if (!isKnown) program.error(`error: unknown command '${name}'`)
}

async function print(line: string): Promise<number> {
  process.stdout.write(`${line}\n`)
  return exitCodes.fine
}

function usageOf(command: Command): string {
  let name = command.name()
  for (let { parent } = command; parent; { parent } = parent) name = `${parent.name()} ${name}`
  return `usage: ${name} ${command.usage()} (see ${name} --help)\n`
}

/** Removes values from usage errors, which may be passwords. See docs/workarounds.md#commander-echo. */
const withoutValues = (text: string) =>
  text.replace(/'(--[^'=]*|-\w)=?[^']*'/, "'$1'").replace(/(but got \d+): .*/s, '$1.\n')

function refusePasswords(args: string[]) {
  if (!args.some((arg) => /^--?pass(word|wd)?(=|$)/i.test(arg))) return
  throw new UsageError(
    'a password cannot be an argument, where other users could read it; leave it out and the command asks for it, or use --password-stdin',
  )
}

async function explain(error: unknown, command: Command): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.fine : exitCodes.usage
  if (error instanceof UsageError) {
    process.stderr.write(`error: ${error.message}\n${usageOf(command)}`)
    return exitCodes.usage
  }
  const { formatError } = await import('../server/format-error')
  process.stderr.write(`fastkit: ${formatError(error)}\n`)
  return error instanceof ConfigError ? exitCodes.badConfiguration : exitCodes.failed
}
