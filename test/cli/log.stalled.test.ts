import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually'
import { createPlayground, repository } from '../support/executable'
import { times } from '../support/many-sockets'
import { freePort } from '../support/ports'
import { percentile } from '../support/soak'

const { emptyDir, clear } = createPlayground()
setDefaultTimeout(90_000)
afterAll(clear)

const requests = 12_000

test('a stalled reader of the log blocks nothing; dropped lines are counted, and the others arrive complete', async () => {
  const home = emptyDir()
  const port = freePort()
  const env = {
    PORT: String(port),
    RATE_LIMIT: 'off',
    EMBEDDED_FSYNC: 'off',
    SHUTDOWN_DELAY: '1ms',
    PATH: process.env['PATH'] ?? '',
  }
  // A pipe as that of the log driver of a container. Its reader starts on demand.
  const main = `"${process.execPath}" "${join(repository, 'src/main.ts')}"`
  const reader = 'while [ ! -e go ]; do sleep 0.05; done; cat > log'
  const shell = Bun.spawn(['bash', '-c', `(echo $BASHPID > pid; exec ${main}) | (${reader})`], {
    cwd: home,
    env,
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const get = async (path: string) => {
    const startedAt = performance.now()
    const { status } = await fetch(`http://127.0.0.1:${port}${path}`)
    return { status, milliseconds: performance.now() - startedAt }
  }
  await eventually(async () => (await get('/readyz').catch(() => null))?.status === 200 || null)

  const answers: Awaited<ReturnType<typeof get>>[] = []
  await times(20, async () => {
    while (answers.length < requests) answers.push(await get('/shoes'))
  })
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]))
  const p99 = percentile(
    answers.map(({ milliseconds }) => milliseconds),
    99,
  )
  process.stderr.write(`log unread: ${answers.length} requests answered, p99 ${p99.toFixed(1)} ms\n`)

  writeFileSync(join(home, 'go'), '')
  const log = () => (existsSync(join(home, 'log')) ? readFileSync(join(home, 'log'), 'utf8') : '')
  for (let tries = 0; tries < 200 && !log().includes('log.dropped'); tries++) await Bun.sleep(50)
  await get('/shoes')
  process.kill(Number(readFileSync(join(home, 'pid'), 'utf8')), 'SIGTERM')
  expect(await shell.exited).toBe(0)
  const lines = log()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const dropped = lines.find(({ event }) => event === 'log.dropped')
  expect(lines.at(-1).event).toBe('service.stopped')
  const served = lines.filter(({ event, route }) => event === 'http.request' && route === null).length
  expect(served).toBeGreaterThan(1000)
  expect(served + dropped.lines).toBeGreaterThanOrEqual(answers.length + 1)
  // Only lines of the readiness requests before it can be dropped.
  expect(served + dropped.lines).toBeLessThan(answers.length + 20)
})
