import type { createClient } from './client'
import { percentile } from './soak'

/** One request with its response and times. Status 0 means no response. */
export type Sample = {
  kind: string
  status: number
  code: string | null
  retryAfter: string | null
  startedAt: number
  milliseconds: number
}

type Client = ReturnType<typeof createClient>
type ResponseInfo = Awaited<ReturnType<Client['call']>>

// Longer than any response may take: a request that exceeds it hangs.
const hangsAfterMilliseconds = 20_000
const pauseMilliseconds = 5

/** Users who sign in, read, write, refresh and publish to a room in a loop. */
export async function startTraffic(client: Client, { people, room }: { people: number; room: string }) {
  const samples: Sample[] = []
  let isOver = false

  async function measure(kind: string, work: () => Promise<ResponseInfo>): Promise<ResponseInfo | null> {
    const startedAt = performance.now()
    const answer = await Promise.race([
      work().catch(() => null),
      Bun.sleep(hangsAfterMilliseconds).then(() => null),
    ])
    const milliseconds = performance.now() - startedAt
    const code = answer?.body?.code ?? null
    const retryAfter = answer?.headers.get('retry-after') ?? null
    samples.push({ kind, status: answer?.status ?? 0, code, retryAfter, startedAt, milliseconds })
    return answer
  }

  async function live(user: Awaited<ReturnType<Client['enter']>>) {
    let { access_token: token, refresh_token } = user
    const written = { name: '', names: [''], messages: [] as string[] }
    const take = (answer: ResponseInfo | null) => {
      if (answer?.status !== 200) return
      token = answer.body.access_token
      refresh_token = answer.body.refresh_token
    }
    for (let round = 0; !isOver; round++) {
      await measure('me', () => client.me(token))
      const name = `name ${round}`
      written.names.push(name)
      const changed = await measure('patch', () =>
        client.call('PATCH /api/v1/users/me', { token, body: { display_name: name } }),
      )
      if (changed?.status === 200) Object.assign(written, { name, names: [name] })
      const data = `${user.id} ${round}`
      const said = await measure('message', () =>
        client.call(`POST /api/v1/channels/${room}/messages`, { token, body: { data } }),
      )
      if (said?.status === 201) written.messages.push(data)
      take(await measure('refresh', () => client.refresh(refresh_token)))
      const { email, password } = user
      take(
        await measure('login', () => client.call('POST /api/v1/auth/login', { body: { email, password } })),
      )
      await Bun.sleep(pauseMilliseconds)
    }
    return { user, ...written }
  }

  const users: Awaited<ReturnType<Client['enter']>>[] = []
  while (users.length < people) users.push(await client.enter())
  const lives = users.map(live)
  return {
    samples,
    /** Ends the traffic. Returns the acknowledged writes of each user, and the names that are in doubt. */
    stop() {
      isOver = true
      return Promise.all(lives)
    },
  }
}

/** Statistics of a period of the traffic. */
export function summarise(samples: Sample[]) {
  const times = samples.map(({ milliseconds }) => milliseconds)
  const round = (value: number) => Math.round(value * 10) / 10
  return {
    requests: samples.length,
    answers: countBy(samples, ({ status, code }) => (code ? `${status} ${code}` : `${status}`)),
    p50: round(percentile(times, 50)),
    p99: round(percentile(times, 99)),
    max: round(Math.max(0, ...times)),
  }
}

const countBy = <T>(items: T[], key: (item: T) => string) =>
  Object.fromEntries([...Map.groupBy(items, key)].map(([name, some]) => [name, some.length]))
