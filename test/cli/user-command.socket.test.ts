import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createLifecycle, type Lifecycle } from '../../src/core/service-lifecycle'
import { openDataDir } from '../../src/embedded/data-dir'
import { runningService, sendCommand } from '../../src/server/control-client'
import { type ControlServer, startControlServer } from '../../src/server/control-server'
import { type Service, startTestService } from '../support/service'

const aSecret = 'a quiet green lantern'
const home = mkdtempSync(join(tmpdir(), 'fastkit-control-'))
const dataDir = join(home, 'data')
const unix = join(dataDir, 'run/control.sock')

let service: Service
let control: ControlServer

beforeAll(async () => {
  // `serve` makes the directory private before anything listens in it.
  openDataDir(dataDir).release()
  service = await startTestService()
  service.secrets.add(aSecret)
  control = startControlServer(controlled(service.lifecycle), { snapshot: null })
})
afterAll(async () => {
  await control.close()
  await service.stop()
  rmSync(home, { recursive: true })
})

const controlled = (lifecycle: Lifecycle) => ({
  ...service,
  lifecycle,
  deps: { ...service.deps, config: { ...service.deps.config, dataDir } },
})

const send = (body: string | Uint8Array<ArrayBuffer>, contentType = 'application/json') =>
  fetch('http://control/', { unix, method: 'POST', body, headers: { 'content-type': contentType } })

const person = { email: 'a@example.com', password: aSecret }
const json = JSON.stringify

describe('the control socket', () => {
  test('is accessible to its owner alone, by its mode and by the modes of the directories above', () => {
    expect(statSync(unix).mode & 0o777).toBe(0o600)
    for (const dir of [dirname(unix), dataDir]) expect(statSync(dir).mode & 0o777).toBe(0o700)
  })

  test.each([
    ['nothing', '', 'validation_failed', ['']],
    ['no JSON', 'create', 'malformed_body', []],
    ['half of it', '{"do":"create"', 'malformed_body', []],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'malformed_body', []],
    ['null', 'null', 'validation_failed', ['']],
    ['an array', '[]', 'validation_failed', ['']],
    ['an unknown command', json({ do: 'drop', input: {} }), 'validation_failed', ['']],
    ['a method of objects', json({ do: 'constructor', input: {} }), 'validation_failed', ['']],
    [
      'a prototype',
      '{"do":"list","input":{},"__proto__":{"role":"admin"}}',
      'validation_failed',
      ['/__proto__'],
    ],
    [
      'an unknown field',
      json({ do: 'create', input: { ...person, id: 'x' } }),
      'validation_failed',
      ['/input/id'],
    ],
    [
      'an unknown role',
      json({ do: 'create', input: { ...person, role: 'root' } }),
      'validation_failed',
      ['/input/role'],
    ],
    [
      'a hash',
      json({ do: 'change', email: person.email, input: { passwordHash: aSecret } }),
      'validation_failed',
      ['/input/passwordHash'],
    ],
    ['no change', json({ do: 'change', email: person.email, input: {} }), 'validation_failed', ['/input']],
    [
      'a page of a million',
      json({ do: 'list', input: { limit: 1_000_000 } }),
      'validation_failed',
      ['/input/limit'],
    ],
    ['a NUL', json({ do: 'list', input: { email: 'a\0' } }), 'validation_failed', ['/input/email']],
    ['another list', json({ do: 'list', input: { cursor: aSecret } }), 'validation_failed', ['/cursor']],
    ['brackets alone', '['.repeat(30_000) + ']'.repeat(30_000), 'validation_failed', [expect.any(String)]],
  ])('refuses %s', async (...[, body, code, pointers]) => {
    const answer = await send(body)
    const text = await answer.text()
    const { errors, ...rest } = JSON.parse(text)
    expect([answer.status, rest]).toEqual([400, { code }])
    const found = new Set(errors.map(({ pointer }: { pointer: string }) => pointer))
    expect([...found]).toEqual(expect.arrayContaining(pointers))
    expect(text).not.toMatch(/lantern|argon2|select |at \//)
  })

  test('refuses too long bodies and invalid JSON with their error codes', async () => {
    expect((await send(json({ do: 'list', input: { email: 'a'.repeat(70_000) } }))).status).toBe(413)
    expect(await (await send('{}', 'text/plain')).json()).toEqual({
      code: 'unsupported_media_type',
      errors: [],
    })
  })

  test('still works after all that, and no body is in the log', async () => {
    const { items } = await sendCommand(unix, { do: 'create', input: person })
    expect(items).toMatchObject([{ email: person.email, role: 'user' }])
    await expect(sendCommand(unix, { do: 'create', input: person })).rejects.toMatchObject({
      code: 'email_taken',
    })
    const log = JSON.stringify(service.lines)
    expect(log).not.toMatch(/lantern|a@example|passwordHash|internal_error/)
  })
})

describe('the search for a running service', () => {
  const config = () => ({ ...service.deps.config, dataDir })

  test('finds it while it accepts commands, not while it starts or stops', async () => {
    expect(await runningService(config())).toBe(unix)
    await control.close()
    const lifecycle = createLifecycle('ok')
    const other = startControlServer(controlled(lifecycle), { snapshot: null })
    const seen = [await runningService(config())]
    lifecycle.markMigrated()
    seen.push(await runningService(config()))
    lifecycle.startDraining()
    seen.push(await runningService(config()))
    await other.close()
    control = startControlServer(controlled(service.lifecycle), { snapshot: null })
    expect(seen).toEqual([null, unix, null])
    expect(await runningService(config())).toBe(unix)
  })

  test('finds nothing in another directory', async () => {
    expect(await runningService({ ...config(), dataDir: join(home, 'nowhere') })).toBeNull()
  })
})
