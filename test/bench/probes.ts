import { createClient } from '../support/client'
import { createTap } from '../support/tap'
import { createPlace } from '../support/tmpfs'

// Measures the rate of `/readyz`, the queries it causes and its effect on other requests.
// Needs wrk and PostgreSQL, because a proxy counts the queries. Usage: TEST_DATABASE_URL=… bun test/bench/probes.ts

const seconds = 5
const place = await createPlace()
if (place.url === null) throw new Error('TEST_DATABASE_URL is not set')
const tap = await createTap(place.url)
try {
  const service = await place.serve({ DATABASE_URL: tap.url, DB_POOL_SIZE: '2' })
  const { call, enter } = createClient(service.url)
  const { access_token: token } = await enter()
  const unprobed = await during(seconds, call, token)
  const load = Bun.spawn(['wrk', '-t1', '-c32', `-d${seconds}s`, `${service.url}/readyz`], { stdout: 'pipe' })
  const probed = await during(seconds, call, token)
  const rate = /Requests\/sec: +([\d.]+)/.exec(await new Response(load.stdout).text())?.[1]
  console.log(`/readyz: ${rate} a second`)
  console.log(`queries a second without: ${unprobed.queries}, with: ${probed.queries}`)
  console.log(`a profile is changed in (ms, median) without: ${unprobed.median}, with: ${probed.median}`)
  console.log(`failed: ${unprobed.failed + probed.failed}`)
  await service.end('SIGTERM')
} finally {
  tap.close()
  await place.clear()
}

/** Changes a profile ten times a second and counts all queries of the service. */
async function during(seconds: number, call: ReturnType<typeof createClient>['call'], token: string) {
  const before = tap.queries
  const took: number[] = []
  let failed = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await Bun.sleep(100)) {
    const startedAt = performance.now()
    const { status } = await call('PATCH /api/v1/users/me', { token, body: { display_name: 'Ada' } })
    took.push(performance.now() - startedAt)
    if (status !== 200) failed++
  }
  const median = Math.round(took.toSorted((a, b) => a - b)[took.length >> 1] ?? 0)
  return { queries: Math.round((tap.queries - before) / seconds), median, failed }
}
