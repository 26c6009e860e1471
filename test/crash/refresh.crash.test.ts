import { afterAll, expect, test } from 'bun:test'
import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { createClient } from '../support/client'
import { createMovableClock } from '../support/clock'
import { createTestDatabase } from '../support/database'
import { createPlayground, repository } from '../support/executable'
import { startTestService, testSecret } from '../support/service'

const playground = createPlayground()
afterAll(playground.clear)

/** Sends a refresh and never reads the response. */
async function refreshUnread(url: string, refresh_token: string) {
  const { hostname, port, host } = new URL(url)
  const body = JSON.stringify({ refresh_token })
  const head = `POST /api/v1/auth/refresh HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`
  const socket = connect(Number(port), hostname)
  socket.pause()
  socket.on('error', () => socket.destroy())
  socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

async function until(condition: () => boolean) {
  const startedAt = performance.now()
  while (!condition()) {
    if (performance.now() - startedAt > 5000) throw new Error('it did not come to it in time')
    await Bun.sleep(0)
  }
}

test.each([1, 2, 3])('kill -9 between commit and response loses no session (%p)', async () => {
  const database = await createTestDatabase()
  const env = {
    JWT_SECRET: testSecret,
    DATA_DIR: join(playground.emptyDir(), 'data'),
    DATABASE_URL: database.url ?? '',
    RATE_LIMIT: 'off',
    // The restart takes time.
    REFRESH_GRACE: '60s',
  }
  const args = [join(repository, 'src/main.ts'), 'serve']
  const doomed = await playground.serve(process.execPath, { args, env })
  const { refresh_token } = await createClient(doomed.url).enter()
  await refreshUnread(doomed.url, refresh_token)
  await until(() => doomed.lines.some(({ event }) => event === 'session.rotated'))
  await doomed.end('SIGKILL')

  const beside = { databaseUrl: database.url, clock: createMovableClock() }
  const service = await startTestService(env, { beside })
  try {
    const answers = [await service.refresh(refresh_token), await service.refresh(refresh_token)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const jtis = answers.map(({ body }) => String(decodeJwt(body.refresh_token).jti))
    expect(new Set(jtis).size).toBe(1)
    const sid = String(decodeJwt(refresh_token)['sid'])
    const successors =
      await service.sql`select jti_hash from tokens where session_id = ${sid} and used_at is null`
    expect(successors.map((row) => row['jti_hash'])).toEqual([
      createHash('sha256').update(String(jtis[0])).digest(),
    ])
    expect(await service.sql`select 1 from tokens where session_id = ${sid}`).toHaveLength(2)
    expect((await service.refresh(answers[0]?.body.refresh_token)).status).toBe(200)
  } finally {
    await service.stop()
    await database.drop()
  }
})
