import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/eventually'
import { createPlayground, repository } from '../support/executable'
import { freePort } from '../support/ports'

const { emptyDir, clear } = createPlayground()
setDefaultTimeout(60_000)
afterAll(clear)

// All processes share the flags of an open pipe. Another writer would lose lines if it became non-blocking.
test.skipIf(process.platform !== 'linux')('a pipe for the log stays blocking', async () => {
  const home = emptyDir()
  const port = freePort()
  const main = `"${process.execPath}" "${join(repository, 'src/main.ts')}"`
  const shell = Bun.spawn(['bash', '-c', `(echo $BASHPID > pid; exec ${main}) | cat > log`], {
    cwd: home,
    env: {
      PORT: String(port),
      EMBEDDED_FSYNC: 'off',
      SHUTDOWN_DELAY: '1ms',
      PATH: process.env['PATH'] ?? '',
    },
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const isReady = async () => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null))?.ok || null
  await eventually(isReady)

  const pid = readFileSync(join(home, 'pid'), 'utf8').trim()
  const [, flags] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/1`, 'utf8')) ?? []
  process.kill(Number(pid), 'SIGTERM')
  expect(await shell.exited).toBe(0)
  const nonBlocking = 0o4000
  expect(Number.parseInt(flags ?? '', 8) & nonBlocking).toBe(0)
  expect(readFileSync(join(home, 'log'), 'utf8')).toContain('service.stopped')
})
