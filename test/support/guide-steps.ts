import { type Answer, aPassword, createClient, type Pair } from './client'
import { from, newAddress } from './many-sockets'
import { random, randomInteger } from './random'
import { openSocket } from './socket'

type Client = ReturnType<typeof createClient>

/** The milliseconds of each kind of step, and the unexpected responses. */
export type Record = {
  milliseconds: Map<string, number[]>
  faults: Map<string, number>
}

type Options = { url: string; record: Record; admin: string; pause(): Promise<unknown> }
type Visit = Options & { client: Client; headers: { 'x-forwarded-for': string } }

/** A client with its own address that uses every feature, with errors too, and leaves. */
export async function visit(options: Options) {
  const here = { ...options, client: createClient(options.url), headers: from(newAddress()) }
  const { client } = here
  const account = { email: client.newEmail(), password: aPassword }
  await ask(here, 'POST /api/v1/auth/register', { wanted: 201, body: account })
  await signInBadly(here, account)
  const { body } = await ask(here, 'POST /api/v1/auth/login', { wanted: 200, body: account })
  if (!body?.access_token) return
  const pair = await useProfile(here, body)
  await talk(here, pair)
  await administer(here)
  const token = pair.access_token
  if (random() < 0.5) await ask(here, 'POST /api/v1/auth/logout', { wanted: 204, token })
  else
    await ask(here, 'DELETE /api/v1/users/me', {
      wanted: 204,
      token,
      body: { current_password: account.password },
    })
  await ask(here, 'GET /api/v1/users/me', { wanted: 401, token, kind: 'after logout' })
}

type Asked = { wanted: number; body?: unknown; token?: string; kind?: string }

/** Sends a request, records its time and whether its response was expected, and pauses. */
async function ask(
  { client, headers, record, pause }: Visit,
  route: string,
  { wanted, kind = route, ...request }: Asked,
) {
  const startedAt = performance.now()
  const answer: Answer | null = await client.call(route, { ...request, headers }).catch(() => null)
  note(record, kind, performance.now() - startedAt)
  if (answer?.status !== wanted)
    fault(record, `${kind}: ${answer ? `${answer.status} ${answer.body?.code}` : 'no answer'}`)
  await pause()
  return answer ?? { body: null }
}

async function signInBadly(here: Visit, { email }: { email: string }) {
  const login = 'POST /api/v1/auth/login'
  const wrong = { email, password: 'not the password' }
  await ask(here, login, { wanted: 401, body: wrong, kind: 'wrong password' })
  await ask(here, login, { wanted: 400, body: '{"email": ', kind: 'half a body' })
  await ask(here, login, { wanted: 422, body: { ...wrong, more: [1] }, kind: 'unknown field' })
  await ask(here, 'GET /api/v1/users/me', { wanted: 401, token: 'eyJ.no.token', kind: 'bad token' })
  await ask(here, 'GET /nowhere', { wanted: 404, kind: 'no such path' })
}

async function useProfile(here: Visit, first: Pair): Promise<Pair> {
  let pair = first
  for (let round = 0; round < 3; round++) {
    const { access_token: token, refresh_token } = pair
    await ask(here, 'GET /api/v1/users/me', { wanted: 200, token })
    await ask(here, 'PATCH /api/v1/users/me', { wanted: 200, token, body: { display_name: `at ${round}` } })
    await ask(here, 'GET /api/v1/users/me/sessions', { wanted: 200, token })
    const { body } = await ask(here, 'POST /api/v1/auth/refresh', { wanted: 200, body: { refresh_token } })
    pair = body ?? pair
  }
  return pair
}

/** Joins a room over a socket, publishes, and leaves: by a close, by ending the session, or by a broken connection. */
async function talk(here: Visit, { access_token: token }: Pair) {
  const { record, url, headers, pause } = here
  const channel = `room:${randomInteger(20)}`
  const ticket = await ask(here, 'POST /api/v1/ws/tickets', { wanted: 201, token })
  const startedAt = performance.now()
  const socket = await openSocket(url, { query: { ticket: String(ticket.body?.ticket) }, headers })
  if (!(await socket.next('ready').catch(() => null))) return fault(record, 'connect: not ready')
  note(record, 'connect', performance.now() - startedAt)
  const messages = [
    { type: 'subscribe', channel, since: 0 },
    { type: 'publish', channel, data: { text: 'x'.repeat(200) } },
    { type: 'presence', channel },
    { type: 'publish', channel: 'admin', data: 1 },
    { type: 'publish', channel, data: [1, 2, 3] },
    { type: 'ping' },
    { type: 'unsubscribe', channel },
  ]
  for (const message of messages) {
    const askedAt = performance.now()
    const reply = await socket.ask(message).catch(() => null)
    note(record, `socket ${message.type}`, performance.now() - askedAt)
    const isForbidden = reply?.['code'] === 'forbidden' && message.channel === 'admin'
    if (!reply || (reply.type === 'error' && !isForbidden))
      fault(record, `${message.type}: ${JSON.stringify(reply)}`)
    await pause()
  }
  await ask(here, `GET /api/v1/channels/${channel}/messages`, { wanted: 200, token, kind: 'GET messages' })
  if (random() < 0.5) socket.socket.close()
  else socket.socket.terminate()
}

async function administer(here: Visit) {
  const token = here.admin
  await ask(here, 'GET /api/v1/users?limit=50', { wanted: 200, token, kind: 'GET users' })
  await ask(here, 'GET /api/v1/users?email=user1', { wanted: 200, token, kind: 'GET users by prefix' })
  await ask(here, 'GET /api/v1/audit-events?limit=50', { wanted: 200, token, kind: 'GET audit' })
}

const fault = ({ faults }: Record, what: string) => void faults.set(what, (faults.get(what) ?? 0) + 1)

function note({ milliseconds }: Record, kind: string, duration: number) {
  const all = milliseconds.get(kind) ?? []
  milliseconds.set(kind, all)
  all.push(duration)
}
