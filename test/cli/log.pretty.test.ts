import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { createPlayground, repository } from '../support/executable'

const { emptyDir, clear } = createPlayground()
setDefaultTimeout(60_000)
afterAll(clear)

test('LOG_FORMAT=pretty writes one line for each event, followed by its fields and errors', async () => {
  // Nothing listens there, so the log has an error with a cause.
  const env = {
    PORT: '0',
    LOG_FORMAT: 'pretty',
    DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    JWT_SECRET: 'k'.repeat(32),
  }
  const main = join(repository, 'src/main.ts')
  const child = Bun.spawn([process.execPath, main], {
    cwd: emptyDir(),
    env,
    stdout: 'pipe',
    stderr: 'ignore',
  })
  let text = ''
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const isFirst = !text.includes('database.unavailable')
    text += chunk
    // A second signal would end the service at once.
    if (isFirst && text.includes('database.unavailable')) child.kill('SIGTERM')
  }
  expect(await child.exited).toBe(0)
  const lines = text.trimEnd().split('\n')
  const pattern = /^\[\d\d:\d\d:\d\d\.\d{3}\] (INFO|WARN): [a-z]+\.[a-z_]+( \{.*\})?$/
  expect(lines.filter((line) => !pattern.test(line))).toEqual([])
  expect(lines.find((line) => line.includes('database.unavailable'))).toContain('"code":"ECONNREFUSED"')
  expect(lines.at(-1)).toEndWith('INFO: service.stopped')
})
