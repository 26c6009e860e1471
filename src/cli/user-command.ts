import { type Environment, loadConfig } from '../core/config'
import type { Role } from '../core/roles'
import { parseEmail } from '../modules/users/credential-rules'
import type { ChangeUser, UserQuery } from '../modules/users/schema'
import type { Accounts } from '../server/user-admin'
import { print } from './print'
import { newPassword } from './read-password'
import { openUserAdmin, type UserAdminClient } from './user-admin-client'
import { userJson, userTable } from './user-table'

type ByEmail = { email: string }
type WithPassword = ByEmail & { passwordStdin?: boolean }

/** Creates an account and prints its id. */
export async function createUser(
  environment: Environment,
  { email, role, displayName, passwordStdin = false }: WithPassword & { role: Role; displayName?: string },
): Promise<number> {
  const config = loadConfig(environment)
  const password = await passwordFor(email, passwordStdin)
  const input = { email, password, role, display_name: displayName ?? null }
  return within(await openUserAdmin(config), async ({ perform }) => {
    const { items } = await perform({ do: 'create', input })
    for (const user of items) await print(`created ${user.role} ${user.email} (${user.id})\n`)
  })
}

type Listing = { email?: string; role?: Role; json?: boolean }

/** Lists every account, newest first, a page at a time. */
export async function listUsers(
  environment: Environment,
  { email, role, json = false }: Listing,
): Promise<number> {
  const filter = { limit: 100, ...(email && { email }), ...(role && { role }) }
  return within(await openUserAdmin(loadConfig(environment)), async ({ perform }) => {
    const pages = () => pagesOf(perform, filter)
    for await (const text of json ? userJson(pages) : userTable(pages)) await print(text)
  })
}

/** Goes through a list; holds one page of it. */
export async function* pagesOf(
  perform: UserAdminClient['perform'],
  filter: UserQuery,
): AsyncGenerator<Accounts['items']> {
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page: Accounts = await perform({ do: 'list', input: { ...filter, ...(cursor && { cursor }) } })
    yield page.items
    cursor = page.next_cursor
  }
}

/** Sets the role of an account. */
export const setRole = (environment: Environment, { email, role }: ByEmail & { role: Role }) =>
  change(environment, email, { role })

/** Sets a password and ends every session of the account. */
export async function setPassword(
  environment: Environment,
  { email, passwordStdin = false }: WithPassword,
): Promise<number> {
  loadConfig(environment)
  return change(environment, email, { password: await passwordFor(email, passwordStdin) })
}

/** Deactivates an account and ends its sessions. */
export const disable = (environment: Environment, { email }: ByEmail) =>
  change(environment, email, { is_active: false })

/** Activates an account again. */
export const enable = (environment: Environment, { email }: ByEmail) =>
  change(environment, email, { is_active: true })

/** Checks the address before the prompt. The database is opened after it, so a prompt holds no lock. */
function passwordFor(email: string, isFromStdin: boolean): Promise<string> {
  parseEmail(email)
  return newPassword(isFromStdin)
}

async function change(environment: Environment, email: string, input: ChangeUser): Promise<number> {
  return within(await openUserAdmin(loadConfig(environment)), async ({ perform }) => {
    const { items } = await perform({ do: 'change', email, input })
    const what = input.password === undefined ? '' : ', with a new password'
    for (const user of items)
      await print(`${user.email} is ${user.is_active ? 'an active' : 'a disabled'} ${user.role}${what}\n`)
  })
}

/** Runs `work` and closes the client in any case. */
async function within(
  accountant: UserAdminClient,
  work: (accountant: UserAdminClient) => Promise<void>,
): Promise<number> {
  try {
    await work(accountant)
    return 0
  } finally {
    await accountant.close()
  }
}
