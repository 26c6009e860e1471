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
const forms = [Create, Change, List]

/** What `fastkit user` can ask for, here or of the running service. */
const UserCommand = Type.Union([Create, Change, List])
export type UserCommand = Static<typeof UserCommand>

/** The accounts that a command was about, a page at a time. Dates are text: this side has no formats. */
export const Accounts = Type.Object({
  items: Type.Array(
    Type.Object({ ...User.properties, created_at: Type.String(), updated_at: Type.String() }),
  ),
  next_cursor: Type.Union([Type.String(), Type.Null()]),
})
export type Accounts = Static<typeof Accounts>

/** Checks and runs a command, by the verbs that HTTP calls. Throws `validation_failed` and what those throw. */
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

/** Messages of the schema say what was expected, never what came. */
function malformed(command: unknown) {
  const form = forms.find(({ properties }) => Value.Check(Type.Object({ do: properties.do }), command))
  const errors = [...Value.Errors(form ?? UserCommand, command)]
  return fail('validation_failed', {
    errors: errors.map(({ path: pointer, message }) => ({ pointer, message })),
  })
}
