import { afterAll, beforeAll, expect, test } from 'bun:test'
import { serverUrl } from '../support/database'
import { createFlakyLink } from '../support/flaky'
import { random } from '../support/random'
import { type Service, startTestService } from '../support/service'
import type { Received } from '../support/socket'

// RECOVERY_SECONDS=60 bun test test/cluster/realtime.recovery.test.ts: for as long as it is to be shown.
const seconds = Number(process.env['RECOVERY_SECONDS'] ?? 6)
const people = 20
// Together 30 messages a second: 100 are kept, so that nobody may be away for more than about three.
const pauseMilliseconds = 660
const maxAwayMilliseconds = 1000
const settleMilliseconds = 15_000

let services: Service[]
beforeAll(async () => {
  const first = await startTestService()
  services = serverUrl ? [first, await startTestService({}, { beside: first })] : [first]
})
afterAll(async () => {
  for (const service of services.toReversed()) await service.stop()
})

type Entry = { offset: number; data: string }
type Stage = { isPublishing: boolean; isOver: boolean }

test(
  `${people} people whose links break all the time see the same room, complete and in order`,
  async () => {
    const [home] = services
    if (!home) throw new Error('no service')
    const room = `room:${crypto.randomUUID()}`
    const links = await Promise.all(services.map(({ url }) => createFlakyLink(url)))
    const stage = { isPublishing: true, isOver: false }
    const members = await Promise.all(
      Array.from({ length: people }, async (_, at) => {
        const { access_token: token } = await home.enter()
        return takePart({ url: links[at % links.length]?.url ?? '', token, room, name: `${at}`, stage })
      }),
    )
    const breaking = setInterval(() => {
      for (const link of links) link.breakSome(0.08)
    }, 100)
    await Bun.sleep(seconds * 1000)
    stage.isPublishing = false
    clearInterval(breaking)
    const total = await allArrived(home, room, members)
    stage.isOver = true
    await Promise.all(members.map(({ left }) => left))
    for (const link of links) link.close()

    const [first] = members
    const data = first?.seen.map((entry) => entry.data) ?? []
    expect(new Set(data).size).toBe(total)
    for (const { seen, problems, acknowledged } of members) {
      expect(problems).toEqual([])
      expect(seen).toEqual(first?.seen ?? [])
      expect(seen.map(({ offset }) => offset)).toEqual(Array.from({ length: total }, (_, n) => n + 1))
      expect(seen).toEqual(expect.arrayContaining(acknowledged))
    }
    const breaks = members.reduce((sum, { links }) => sum + links() - 1, 0)
    expect(breaks).toBeGreaterThan(people)
    expect(total).toBeGreaterThan(people * 2)
  },
  seconds * 1000 + settleMilliseconds + 15_000,
)

/** Waits until nothing is on its way any more; answers how many messages there are. */
async function allArrived(service: Service, room: string, members: { seen: Entry[] }[]): Promise<number> {
  let total = 0
  for (const end = performance.now() + settleMilliseconds; performance.now() < end; await Bun.sleep(500)) {
    const [row] = await service.sql`select last_offset from channels where name = ${room}`
    const isSettled = total === Number(row?.['last_offset'])
    total = Number(row?.['last_offset'])
    if (isSettled && members.every(({ seen }) => seen.length >= total)) break
  }
  return total
}

type Part = { url: string; token: string; room: string; name: string; stage: Stage }

/** Someone who publishes and listens, connects again whenever the link breaks, and asks for what came meanwhile. */
function takePart({ url, token, room, name, stage }: Part) {
  const seen: Entry[] = []
  const acknowledged: Entry[] = []
  const problems: unknown[] = []
  let links = 0
  let made = 0

  function record(entry: Entry) {
    const expected = (seen.at(-1)?.offset ?? 0) + 1
    if (entry.offset !== expected) problems.push({ name, expected, came: entry })
    seen.push(entry)
  }

  async function stay() {
    links++
    const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`, { protocols: ['bearer', token] })
    const closed = new Promise((resolve) => socket.addEventListener('close', resolve))
    const unanswered = new Map<number, string>()
    const send = (message: Record<string, unknown>) => socket.send(JSON.stringify(message))
    const publish = () => {
      if (!stage.isPublishing) return
      const data = `${name}-${++made}`
      unanswered.set(made, data)
      send({ type: 'publish', channel: room, data, id: made })
    }
    let publishing: Timer | undefined
    const hear: Record<string, (message: Received) => unknown> = {
      ready: () => send({ type: 'subscribe', channel: room, since: seen.length }),
      subscribed(answer) {
        if (answer['recovered'] !== true) problems.push({ name, since: seen.length, answer })
        publishing = setInterval(publish, pauseMilliseconds * (0.5 + random()))
      },
      message: ({ offset, data }) => record({ offset, data }),
      published({ offset, id }) {
        const entry = { offset, data: unanswered.get(id) ?? '' }
        record(entry)
        acknowledged.push(entry)
      },
      error: (message) => problems.push({ name, message }),
    }
    socket.addEventListener('message', ({ data }) => {
      const message: Received = JSON.parse(String(data))
      hear[message.type]?.(message)
    })
    const watch = setInterval(() => stage.isOver && socket.close(), 50)
    await closed
    clearInterval(publishing)
    clearInterval(watch)
  }

  async function takeTurns() {
    while (!stage.isOver) {
      await stay()
      if (!stage.isOver) await Bun.sleep(random() * maxAwayMilliseconds)
    }
  }
  return { seen, acknowledged, problems, links: () => links, left: takeTurns() }
}
