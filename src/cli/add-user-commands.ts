import { type Command, Option } from 'commander'
import { type Role, roles } from '../core/roles'
import type { Action, Wrap } from './action'

type Actions = typeof import('./user-command')

/** Adds `user` and its subcommands; what they do is imported when they are asked for. */
export function addUser(program: Command, wrap: Wrap) {
  const user = program.command('user').description('manage accounts, also while the service runs')
  const run = <O>(pick: (actions: Actions) => Action<O>) =>
    wrap<O>(async (environment, options) => pick(await import('./user-command'))(environment, options))
  const add = (name: string, description: string) =>
    user.command(name).description(description).allowExcessArguments(false)

  withPassword(add('create', 'create an account; asks for its password'))
    .addOption(role().default('user' satisfies Role))
    .option('--display-name <name>', 'the name that it shows')
    .action(run((actions) => actions.createUser))
  add('list', 'list accounts, newest first')
    .option('--email <prefix>', 'only addresses that begin with it')
    .addOption(role('only accounts with it'))
    .option('--json', 'as JSON')
    .action(run((actions) => actions.listUsers))
  byEmail(add('set-role', 'make an account an admin, or an ordinary one'))
    .addOption(role().makeOptionMandatory())
    .action(run((actions) => actions.setRole))
  withPassword(add('set-password', 'set a new password and end every session')).action(
    run((actions) => actions.setPassword),
  )
  byEmail(add('disable', 'keep an account out and end every session')).action(
    run((actions) => actions.disable),
  )
  byEmail(add('enable', 'let an account in again')).action(run((actions) => actions.enable))
}

const role = (meaning = 'what it may do') => new Option('--role <role>', meaning).choices(roles)

const byEmail = (command: Command) => command.requiredOption('--email <address>', 'whose account')

const withPassword = (command: Command) =>
  byEmail(command).option('--password-stdin', 'read the password from standard input instead of asking')
