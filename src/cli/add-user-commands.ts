import { type Command, Option } from 'commander'
import { type Role, roles } from '../core/roles'
import type { Action, Wrap } from './action'

type Actions = typeof import('./user-command')

/** Adds `user` and its subcommands; what they do is imported when they are asked for. */
export function addUser(program: Command, wrap: Wrap) {
  const user = program.command('user').description('manage accounts; the service may be running')
  const run = <O>(pick: (actions: Actions) => Action<O>) =>
    wrap<O>(async (environment, options) => pick(await import('./user-command'))(environment, options))
  const add = (name: string, description: string) =>
    user.command(name).description(description).allowExcessArguments(false)

  withPassword(add('create', 'create an account and ask for its password'))
    .addOption(role().default('user' satisfies Role))
    .option('--display-name <name>', 'the display name of the account')
    .action(run((actions) => actions.createUser))
  add('list', 'list accounts, newest first')
    .option('--email <prefix>', 'only accounts whose e-mail address starts with this')
    .addOption(role('only accounts with this role'))
    .option('--json', 'print JSON')
    .action(run((actions) => actions.listUsers))
  byEmail(add('set-role', 'change the role of an account'))
    .addOption(role().makeOptionMandatory())
    .action(run((actions) => actions.setRole))
  withPassword(add('set-password', 'set a new password and end all sessions of the account')).action(
    run((actions) => actions.setPassword),
  )
  byEmail(add('disable', 'deactivate an account and end all its sessions')).action(
    run((actions) => actions.disable),
  )
  byEmail(add('enable', 'activate an account again')).action(run((actions) => actions.enable))
}

const role = (meaning = 'the role of the account') => new Option('--role <role>', meaning).choices(roles)

const byEmail = (command: Command) =>
  command.requiredOption('--email <address>', 'the e-mail address of the account')

const withPassword = (command: Command) =>
  byEmail(command).option('--password-stdin', 'read the password from the first line of standard input')
