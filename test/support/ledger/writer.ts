import { decodeJwt } from 'jose'
import type { Answer, Pair } from '../client'
import { random } from '../random'
import { openSocket, type Received } from '../socket'
import { type Book, type Client, callUntilAvailable } from './book'

export type Round = { client: Client; isOver: boolean }
type Socket = NonNullable<Awaited<ReturnType<typeof connect>>>
type Attempt = { body: unknown; token?: string; wanted: number }

// The service or its database may be restarting.
const pauseMilliseconds = 20
const password = 'a quiet green lantern'

/** A client that writes without a pause and records acknowledged writes. It uses its socket when one is open. */
export function createWriter(book: Book, { name, hasSocket }: { name: string; hasSocket: boolean }) {
  let pair: Pair | null = null
  let email = ''
  let shown: { sure: string | null; inDoubt: string[] } = { sure: null, inDoubt: [] }
  let count = 0

  /** The response; `null` when none came, or when it leaves the outcome in doubt. */
  async function attempt({ client }: Round, route: string, { wanted, ...request }: Attempt) {
    let answer: Answer
    try {
      answer = await client.call(route, request)
    } catch {
      await Bun.sleep(pauseMilliseconds)
      return null
    }
    if (answer.status === wanted) return answer
    if (answer.status !== 503) book.losses.push(`${name}: ${route} answered ${answer.status} ${answer.text}`)
    await Bun.sleep(pauseMilliseconds)
    return null
  }

  async function register(round: Round): Promise<string | null> {
    const account = { email: `${name}-${++count}-${crypto.randomUUID().slice(0, 8)}@example.com`, password }
    const answer = await attempt(round, 'POST /api/v1/auth/register', { body: account, wanted: 201 })
    book.noteAccount(account, answer !== null)
    return answer && account.email
  }

  /** Signs in to the session that lasts for all rounds. */
  async function enter(round: Round): Promise<Pair | null> {
    email ||= (await register(round)) ?? ''
    if (email === '') return null
    const answer = await attempt(round, 'POST /api/v1/auth/login', { body: { email, password }, wanted: 200 })
    return answer?.body ?? null
  }

  async function refresh(round: Round, { refresh_token }: Pair) {
    const answer = await attempt(round, 'POST /api/v1/auth/refresh', { body: { refresh_token }, wanted: 200 })
    if (!answer) return
    pair = answer.body
    book.acknowledged.refreshes++
  }

  async function rename(round: Round, { access_token: token }: Pair) {
    const display_name = `${name} ${++count}`
    const answer = await attempt(round, 'PATCH /api/v1/users/me', {
      token,
      body: { display_name },
      wanted: 200,
    })
    if (!answer) return void shown.inDoubt.push(display_name)
    shown = { sure: display_name, inDoubt: [] }
    book.acknowledged.profiles++
  }

  async function publish(round: Round, { access_token: token }: Pair, socket: Socket | null) {
    const channel = book.nextRoom()
    const data = `${name} ${++count}`
    const path = `POST /api/v1/channels/${channel}/messages`
    const answer = socket
      ? offsetIn(await socket.publish(channel, data))
      : (await attempt(round, path, { token, body: { data }, wanted: 201 }))?.body.offset
    book.noteMessage(channel, data, answer ?? null)
  }

  /** `null` for an error that may have come after the commit. */
  function offsetIn(reply: Received | null): number | null {
    const isInDoubt = !reply || ['database_unavailable', 'overloaded'].includes(reply['code'])
    if (!isInDoubt && reply.type !== 'published') book.losses.push(`${name}: ${JSON.stringify(reply)}`)
    return reply?.['offset'] ?? null
  }

  async function write(round: Round, current: Pair, socket: Socket | null) {
    const choice = random()
    if (choice < 0.3) await refresh(round, current)
    else if (choice < 0.6) await rename(round, current)
    else if (choice < 0.95) await publish(round, current, socket)
    else await register(round)
  }

  return {
    get token() {
      return pair?.access_token ?? ''
    },

    /** Writes until the round is over. */
    async work(round: Round) {
      let socket: Socket | null = null
      while (!round.isOver) {
        pair ??= await enter(round)
        if (!pair) {
          await Bun.sleep(pauseMilliseconds)
          continue
        }
        if (hasSocket && !socket?.isOpen()) socket = await connect(round, pair)
        await write(round, pair, socket)
      }
      socket?.leave()
    },

    /** Checks that the newest token works, that its repetition has the same successor, and that the profile is right. */
    async check({ client }: Round) {
      if (!pair) return
      const { refresh_token } = pair
      const refresh = () =>
        callUntilAvailable(client, 'POST /api/v1/auth/refresh', { body: { refresh_token } })
      const answers = [await refresh(), await refresh()]
      const successors = new Set(answers.map(({ body }) => jtiOf(body)))
      const statuses = answers.map(({ status }) => status)
      if (successors.size !== 1 || statuses.some((status) => status !== 200))
        book.losses.push(
          `${name}: a refresh and its repeat answered ${statuses}, ${successors.size} successors`,
        )
      pair = answers[1]?.body ?? null
      const { status, body } = await callUntilAvailable(client, 'GET /api/v1/users/me', {
        token: pair?.access_token,
      })
      const isFine = status === 200 && [shown.sure, ...shown.inDoubt].includes(body.display_name)
      if (!isFine)
        book.losses.push(`${name}: the profile of ${JSON.stringify(shown)} shows ${body?.display_name}`)
      shown = { sure: body?.display_name ?? null, inDoubt: [] }
    },
  }
}

const jtiOf = (body: Pair | null) => (body?.refresh_token ? String(decodeJwt(body.refresh_token).jti) : '')

/** Publishes over a socket; `null` when none can be opened. */
async function connect({ client }: Round, { access_token: token }: Pair) {
  const socket = await openSocket(client.url, { token }).catch(() => null)
  if (!socket?.isOpen()) return null
  const over = new Promise<null>((resolve) => socket.socket.addEventListener('close', () => resolve(null)))
  return {
    isOpen: socket.isOpen,
    leave: () => socket.socket.close(),
    /** The reply; `null` when none came. */
    publish: (channel: string, data: string) =>
      Promise.race([socket.ask({ type: 'publish', channel, data }).catch(() => null), over]),
  }
}
