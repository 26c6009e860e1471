import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { useService } from '../support/service'

const clients = join(import.meta.dir, '../support/interop')
// In CI what is missing is a failure; elsewhere it says so.
const isRequired = process.env['CI'] === 'true'

const service = useService()

const peers: Record<string, { command: string[]; isThere: boolean }> = {
  'ws on Bun': { command: [process.execPath, join(clients, 'peer.mjs')], isThere: true },
  'ws on Node': { command: ['node', join(clients, 'peer.mjs')], isThere: works('node', '--version') },
  "Python's websockets": {
    // Debian's, whatever another Python in the path may have.
    command: ['/usr/bin/python3', join(clients, 'peer.py')],
    isThere: works('/usr/bin/python3', '-c', 'import websockets'),
  },
}

describe('in their own tongue', () => {
  for (const [name, { command, isThere }] of Object.entries(peers)) {
    test.skipIf(!isThere && !isRequired)(
      `${name}: every way in, messages, pings, limits and closes${isThere ? '' : ' (not installed)'}`,
      async () => {
        const { access_token: token } = await service.enter()
        const { body } = await service.call('POST /api/v1/ws/tickets', { token })
        const room = `room:${crypto.randomUUID()}`
        const child = Bun.spawn([...command, service.url, token, body.ticket, room], { stderr: 'pipe' })
        const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()])
        expect({ exitCode: await child.exited, stderr }).toEqual({ exitCode: 0, stderr: '' })
        expect(JSON.parse(stdout)).toEqual({
          protocol: 'bearer',
          extensions: '',
          ready: ['ready', 'ready', 'ready', 'ready'],
          again: 'Unexpected server response: 401',
          pong: 'over there',
          answers: [
            { type: 'subscribed', id: 1 },
            { type: 'published', id: 'a' },
          ],
          heard: { text: 'Grüße 🦊' },
          long: ['published', 60_000],
          tooBig: 1009,
          closed: 4000,
        })
      },
    )
  }
})

function works(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command).success
  } catch {
    return false
  }
}
