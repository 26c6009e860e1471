import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../support/client'
import { eventually } from '../support/eventually'
import { repository } from '../support/executable'
import { keyFor, kidOf, partsOf } from '../support/forge-token'
import { createOperator } from '../support/operator'
import { openSocket, shakeHands, signedInSocket } from '../support/socket'

const { emptyDir, serve, clear } = createOperator()
const [older, newer] = [`older-${'k'.repeat(32)}`, `newer-${'k'.repeat(32)}`]
const accessKid = (secret: string) => kidOf(keyFor('access', secret))

let service: Awaited<ReturnType<typeof start>>
setDefaultTimeout(60_000)
beforeAll(async () => {
  service = await start(older)
})
afterAll(clear)

/** A service whose key file a test rewrites. `reload` sends SIGHUP and returns the log line of the reload. */
async function start(keys: string | null) {
  const cwd = emptyDir()
  const path = join(cwd, 'keys')
  const write = (text: string) => {
    writeFileSync(`${path}.new`, text, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
  if (keys !== null) write(keys)
  const running = await serve({ cwd, env: keys === null ? {} : { JWT_SECRET_FILE: path } })
  const reload = (text: string | null) => {
    if (text !== null) write(text)
    const before = running.lines.length
    process.kill(running.pid, 'SIGHUP')
    return eventually(() => running.lines.slice(before).find(({ event }) => event.startsWith('keys.')))
  }
  return { ...running, ...createClient(running.url), path, reload }
}

describe('SIGHUP', () => {
  test('applies the keys of the file, and logs their kids', async () => {
    const { enter, me, refresh, reload } = service
    await reload(older)
    const before = await enter()
    expect(await reload(`${newer},${older}\n`)).toMatchObject({
      event: 'keys.reloaded',
      access: [accessKid(newer), accessKid(older)],
      refresh: [kidOf(keyFor('refresh', newer)), kidOf(keyFor('refresh', older))],
      removed: [],
    })
    expect((await me(before.access_token)).status).toBe(200)
    const { status, body } = await refresh(before.refresh_token)
    expect([status, partsOf(body.access_token).header['kid']]).toEqual([200, accessKid(newer)])
  })

  test('invalidates cached tokens and open sockets of a removed key, and ends no session', async () => {
    const { url, call, enter, me, refresh, reload } = service
    await reload(`${older},${newer}`)
    const user = await enter()
    expect((await me(user.access_token)).status).toBe(200)
    const { body } = await call('POST /api/v1/ws/tickets', { token: user.access_token })
    const byTicket = await openSocket(url, { query: { ticket: body.ticket } })
    await byTicket.next('ready')
    const sockets = [byTicket, await signedInSocket(url, user.access_token)]
    const unused = await call('POST /api/v1/ws/tickets', { token: user.access_token })

    expect(await reload(newer)).toMatchObject({ event: 'keys.reloaded', removed: [accessKid(older)] })
    expect((await me(user.access_token)).body.code).toBe('invalid_token')
    expect((await refresh(user.refresh_token)).body.code).toBe('invalid_refresh_token')
    for (const socket of sockets) expect((await socket.closed()).code).toBe(4401)
    const late = await shakeHands(url, { query: `?ticket=${unused.body.ticket}` })
    expect(late.status).toBe(401)

    await reload(`${newer},${older}`)
    expect((await me(user.access_token)).status).toBe(200)
    expect((await refresh(user.refresh_token)).status).toBe(200)
  })

  test('keeps a socket whose token was renewed with the new key', async () => {
    const { url, enter, refresh, reload } = service
    await reload(older)
    const user = await enter()
    const socket = await signedInSocket(url, user.access_token)
    await reload(`${newer},${older}`)
    const { body } = await refresh(user.refresh_token)
    expect(await socket.ask({ type: 'auth', token: body.access_token })).toMatchObject({ type: 'ready' })
    await reload(newer)
    // Longer than closing a socket takes.
    for (let tries = 0; tries < 5; tries++) {
      await Bun.sleep(200)
      expect(await socket.ask({ type: 'ping' })).toMatchObject({ type: 'pong' })
    }
  })

  test('between a refresh and its repetition does not change the successor', async () => {
    const { enter, refresh, reload } = service
    await reload(older)
    const { refresh_token } = await enter()
    const first = await refresh(refresh_token)
    await reload(`${newer},${older}`)
    const again = await refresh(refresh_token)
    const claims = [first, again].map(({ body }) => partsOf(body.refresh_token).claims)
    expect(claims[1]).toMatchObject({ jti: claims[0]?.['jti'], exp: claims[0]?.['exp'] })
    // One token signed by either key: after the use of one, the other counts as its repetition.
    const next = await refresh(first.body.refresh_token)
    const nextAgain = await refresh(again.body.refresh_token)
    expect([next.status, nextAgain.status]).toEqual([200, 200])
  })

  test.each<[string, string, (path: string) => void]>([
    [
      'is short',
      'JWT_SECRET must be comma-separated keys, each of at least 32 bytes',
      (path) => writeFileSync(path, 'tell-tale'),
    ],
    ['is empty', 'JWT_SECRET_FILE is empty', (path) => writeFileSync(path, '\n')],
    [
      'is no text',
      'JWT_SECRET_FILE is not UTF-8 text',
      (path) => writeFileSync(path, Buffer.alloc(64, 0xfe)),
    ],
    ['is gone', 'JWT_SECRET_FILE cannot be read (ENOENT)', (path) => renameSync(path, `${path}.away`)],
    [
      'has become a pipe',
      'JWT_SECRET_FILE is a pipe, which can be read once',
      (path) => {
        renameSync(path, `${path}.away`)
        Bun.spawnSync(['mkfifo', path])
      },
    ],
  ])('keeps the keys when the file %s, and says so without a value', async (_, problem, spoil) => {
    const { enter, me, path, reload } = service
    await reload(older)
    const { access_token } = await enter()
    spoil(path)
    const line = await reload(null)
    expect(line).toMatchObject({ event: 'keys.reload_failed', level: 50, problems: [problem] })
    expect(JSON.stringify(line)).not.toContain('tell-tale')
    expect((await me(access_token)).status).toBe(200)
  })

  test('without a key file changes nothing, and logs that', async () => {
    const { enter, me, reload, end } = await start(null)
    const { access_token } = await enter()
    expect(await reload(null)).toMatchObject({ event: 'keys.reload_skipped' })
    expect((await me(access_token)).status).toBe(200)
    expect(await end('SIGTERM')).toBe(0)
  })

  test('a hundred times during requests and refreshes fails none of them', async () => {
    const { enter, me, refresh, reload } = service
    await reload(`${older},${newer}`)
    let isOver = false
    const answers: number[] = []
    const people = Array.from({ length: 8 }, async () => {
      let pair = await enter()
      while (!isOver) {
        answers.push((await me(pair.access_token)).status)
        const { status, body } = await refresh(pair.refresh_token)
        answers.push(status)
        pair = { ...pair, ...body }
      }
    })
    for (let round = 0; round < 50; round++) {
      await reload(`${newer},${older}`)
      await reload(`${older},${newer}`)
    }
    isOver = true
    await Promise.all(people)
    expect(answers.length).toBeGreaterThan(100)
    expect(answers.filter((status) => status !== 200)).toEqual([])
  })

  test('does not end a service that is starting or ending', async () => {
    const cwd = emptyDir()
    writeFileSync(join(cwd, 'keys'), older)
    const env = { PORT: '0', JWT_SECRET_FILE: join(cwd, 'keys') }
    const main = join(repository, 'src/main.ts')
    const child = Bun.spawn([process.execPath, main], { cwd, env, stdout: 'pipe', stderr: 'pipe' })
    await eventually(() => handlesSighup(child.pid) || null)
    const hammer = setInterval(() => child.kill('SIGHUP'), 5)
    let text = ''
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      const wasReady = text.includes('service.ready')
      text += chunk
      if (!wasReady && text.includes('service.ready')) child.kill('SIGTERM')
    }
    clearInterval(hammer)
    expect([await child.exited, child.signalCode]).toEqual([0, null])
    const events = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).event)
    expect(events).toContainValues(['keys.reloaded', 'service.ready', 'service.stopped'])
  })
})

/** True when a process handles SIGHUP, the first bit of its mask. */
function handlesSighup(pid: number): boolean {
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
  return (Number.parseInt(mask.slice(-1), 16) & 1) === 1
}
