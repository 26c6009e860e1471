import { type Static, Type } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { fail } from '../core/errors'
import type { Deps } from '../deps'
import { strict } from '../http/schemas'
import * as administration from '../modules/users/administration'
import { ChangeUser, Email, NewUser, User, UserQuery } from '../modules/users/schema'
import { asSystem } from './as-system'

const Create = Type.Object({ do: Type.Literal('create'), input: NewUser }, strict)
const Change = Type.Object({ do: Type.Literal('change'), email: Email, input: ChangeUser }, strict)
const List = Type.Object({ do: Type.Literal('list'), input: UserQuery }, strict)
const commands = [Create, Change, List]

/** The commands of `fastkit user`, run in its own process or in the running service. */
const UserCommand = Type.Union([Create, Change, List])
export type UserCommand = Static<typeof UserCommand>

/** The result of a command: a page of accounts. See docs/workarounds.md#typebox-unknown-format for the dates. */
export const Accounts = Type.Object({
  items: Type.Array(
    Type.Object({ ...User.properties, created_at: Type.String(), updated_at: Type.String() }),
  ),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
})
export type Accounts = Static<typeof Accounts>

/** Validates and runs a command with the same verbs as HTTP. Throws `validation_failed`, and the errors of the verbs. */
export async function perform(deps: Deps, command: unknown): Promise<Accounts> {
  if (!Value.Check(UserCommand, command)) throw malformed(command)
  if (command.do === 'list') return administration.list(deps, asSystem, command.input)
  const user =
    command.do === 'create' ? administration.create(deps, asSystem, command.input) : change(deps, command)
  return { items: [await user], next_cursor: null }
}

async function change(deps: Deps, { email, input }: Static<typeof Change>): Promise<User> {
  const { id } = await administration.getByEmail(deps, asSystem, email)
  return administration.change(deps, asSystem, { id, ...input })
}

/** The schema's messages name what was expected and contain no input values. */
function malformed(command: unknown) {
  const schema = commands.find(({ properties }) => Value.Check(Type.Object({ do: properties.do }), command))
  const errors = [...Value.Errors(schema ?? UserCommand, command)]
  return fail('validation_failed', {
    errors: errors.map(({ path: pointer, message }) => ({ pointer, message })),
  })
}
