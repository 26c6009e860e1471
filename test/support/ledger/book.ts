import type { Answer, createClient } from '../client'

export type Client = ReturnType<typeof createClient>
type Account = { email: string; password: string }
type Room = { attempts: number; sure: Map<number, string>; inDoubt: Set<string> }

// A channel keeps its last hundred messages, so a room gets no more than these.
const maxInRoom = 90
const patienceMilliseconds = 60_000

export type Book = ReturnType<typeof createBook>

/** The acknowledged writes, those in doubt because no response came, and the problems found. */
export function createBook() {
  const acknowledged = { accounts: 0, refreshes: 0, profiles: 0, messages: 0 }
  const losses: string[] = []
  const rooms = new Map<string, Room>()
  let sure: Account[] = []
  let inDoubt: Account[] = []
  let room = `room:${crypto.randomUUID()}`

  /** The room of the next message. */
  function nextRoom(): string {
    if ((rooms.get(room)?.attempts ?? 0) >= maxInRoom) room = `room:${crypto.randomUUID()}`
    const known = rooms.get(room) ?? { attempts: 0, sure: new Map(), inDoubt: new Set() }
    known.attempts++
    rooms.set(room, known)
    return room
  }

  function noteMessage(channel: string, text: string, offset: number | null) {
    const { sure, inDoubt } = roomOf(rooms, channel)
    if (offset === null) return void inDoubt.add(text)
    acknowledged.messages++
    if (sure.has(offset)) losses.push(`${channel} has two messages at ${offset}`)
    sure.set(offset, text)
  }

  function noteAccount(account: Account, isSure: boolean) {
    const list = isSure ? sure : inDoubt
    list.push(account)
    if (isSure) acknowledged.accounts++
  }

  /** Checks that each new account can sign in, or can be registered again if it was in doubt. */
  async function checkAccounts(client: Client) {
    for (const account of sure) await expectStatus(client, account, [200])
    for (const account of inDoubt) {
      const status = await expectStatus(client, account, [200, 401])
      const again = await callUntilAvailable(client, 'POST /api/v1/auth/register', { body: account })
      const wanted = status === 200 ? 409 : 201
      if (again.status !== wanted)
        losses.push(`a partly created account: signs in with ${status}, ${again.status}`)
    }
    sure = []
    inDoubt = []
  }

  async function expectStatus(client: Client, account: Account, wanted: number[]) {
    const { status } = await callUntilAvailable(client, 'POST /api/v1/auth/login', { body: account })
    if (!wanted.includes(status)) losses.push(`${account.email} signs in with ${status}`)
    return status
  }

  /** Checks that every room has its acknowledged messages at their offsets, and none twice. */
  async function checkRooms(client: Client, token: string) {
    for (const [channel, expected] of rooms) {
      const path = `GET /api/v1/channels/${channel}/messages?limit=100`
      losses.push(...faultsIn(channel, expected, await callUntilAvailable(client, path, { token })))
    }
  }

  return {
    acknowledged,
    losses,
    nextRoom,
    noteMessage,
    noteAccount,
    checkAccounts,
    checkRooms,
    get roomCount() {
      return rooms.size
    },
    /** Closes the rooms: later rounds use new ones. */
    closeRooms() {
      room = `room:${crypto.randomUUID()}`
    },
  }
}

/** Retries while the service refuses, as it may on a busy machine. */
export async function callUntilAvailable(
  client: Client,
  ...request: Parameters<Client['call']>
): Promise<Answer> {
  const deadline = performance.now() + patienceMilliseconds
  for (;;) {
    const answer = await client.call(...request)
    if (answer.status !== 503 || performance.now() > deadline) return answer
    await Bun.sleep(100)
  }
}

function roomOf(rooms: Map<string, Room>, channel: string): Room {
  const room = rooms.get(channel)
  if (!room) throw new Error(`nothing was sent to ${channel}`)
  return room
}

function faultsIn(channel: string, { sure, inDoubt }: Room, { status, body }: Answer): string[] {
  if (status !== 200) return [`history of ${channel} answered ${status}`]
  const rows: { offset: number; data: string }[] = body.items.toReversed()
  const faults = rows.flatMap(({ offset }, at) =>
    offset === at + 1 ? [] : [`${channel}: offset ${offset} stands at ${at + 1}`],
  )
  const shown = new Map(rows.map(({ offset, data }) => [offset, data]))
  for (const [offset, text] of sure)
    if (shown.get(offset) !== text)
      faults.push(`${channel}: ${text} is not at ${offset}, but ${shown.get(offset)}`)
  const texts = rows.map(({ data }) => data)
  if (new Set(texts).size !== texts.length) faults.push(`${channel}: a message stands there twice`)
  const known = new Set([...sure.values(), ...inDoubt])
  return [
    ...faults,
    ...texts.filter((text) => !known.has(text)).map((text) => `${channel}: nobody sent ${text}`),
  ]
}
