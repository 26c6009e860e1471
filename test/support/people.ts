import { create } from '../../src/modules/users/administration'
import { asSystem } from '../../src/server/as-system'
import { aPassword } from './client'
import type { Service } from './service'

/** A user with a session. */
export type Person = Awaited<ReturnType<Service['enter']>>

/** Creates an admin as the command line does, with a session. */
export async function enterAsAdmin(service: Service): Promise<Person> {
  const account = { email: service.newEmail(), password: aPassword }
  const { id } = await create(service.deps, asSystem, { ...account, role: 'admin' })
  return { id, ...account, ...(await service.signIn(account)) }
}

/** Summarises a response: status, error code and the first invalid field. */
export const outcome = ({ status, body }: { status: number; body: ResponseInfo | null }) =>
  [status, body?.code, body?.errors?.[0]?.pointer].filter((part) => part !== undefined)

type ResponseInfo = { code?: string; errors?: { pointer: string }[] }

/** Reads all items of a list, page by page. */
export async function allPages(service: Service, path: string, token: string) {
  // biome-ignore lint/suspicious/noExplicitAny: an item has any shape, and each test asserts it.
  const items: any[] = []
  let cursor: string | null = ''
  while (cursor !== null) {
    const and = path.includes('?') ? '&' : '?'
    const { body } = await service.call(`GET ${path}${cursor && `${and}cursor=${cursor}`}`, { token })
    items.push(...body.items)
    cursor = body.next_cursor
  }
  return items
}
