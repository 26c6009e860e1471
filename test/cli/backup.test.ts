import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { aPassword, createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { createOperator, type Place } from '../support/operator'

const { emptyDir, fastkit, user, serve, clear } = createOperator()

setDefaultTimeout(120_000)
afterAll(clear)

const boss = 'boss@example.com'
const create = (place: Place, email: string) =>
  user(place, ['create', '--email', email, '--password-stdin'], `${aPassword}\n`)

/** A directory whose embedded database has one account. */
async function newPlace(): Promise<Place> {
  const place = { cwd: emptyDir() }
  expect((await create(place, boss)).exitCode).toBe(0)
  return place
}

/** Writes `bytes` to a file in a new directory. */
function fileOf(bytes: string | Uint8Array): string {
  const path = join(emptyDir(), 'backup')
  writeFileSync(path, bytes)
  return path
}

// Both commands are for the embedded database, so the run on a server skips them.
describe.skipIf(serverUrl !== null)('fastkit backup', () => {
  test('copies a service under 16 writers: it has every write acknowledged before, and sessions stay valid', async () => {
    const place = { cwd: emptyDir() }
    const service = await serve(place)
    const client = createClient(service.url)
    const first = await client.enter()
    const acknowledged: Awaited<ReturnType<typeof client.register>>[] = []
    let isWriting = true
    const writers = Array.from({ length: 16 }, async () => {
      while (isWriting) acknowledged.push(await client.register())
    })
    await Bun.sleep(300)
    const before = acknowledged.slice()
    const made = await fastkit(place, ['backup', 'copy'])
    const after = acknowledged.length
    isWriting = false
    await Promise.all(writers)
    expect([made.exitCode, made.stdout]).toEqual([0, ''])
    expect(made.stderr).toMatch(
      /^wrote copy: \d+ tables, [\d,]+ rows and the key; keep it as secret as DATA_DIR\n$/,
    )
    expect(after).toBeGreaterThan(before.length)
    expect(await service.end('SIGTERM')).toBe(0)

    const other = { cwd: emptyDir() }
    const restored = await fastkit(other, ['restore', join(place.cwd, 'copy')])
    expect([restored.exitCode, restored.stderr]).toEqual([0, ''])
    const listed = JSON.parse((await user(other, ['list', '--json'])).stdout)
    const emails = new Set(listed.map(({ email }: { email: string }) => email))
    expect(before.filter(({ email }) => !emails.has(email))).toEqual([])
    const again = await serve(other)
    const there = createClient(again.url)
    expect((await there.me(first.access_token)).status).toBe(200)
    expect((await there.refresh(first.refresh_token)).status).toBe(200)
    await there.signIn(before[0] ?? first)
    await again.end('SIGTERM')
  })

  test('is readable by the owner alone, and leaves no other file', async () => {
    const place = await newPlace()
    await fastkit(place, ['backup', 'copy'])
    expect(statSync(join(place.cwd, 'copy')).mode & 0o777).toBe(0o600)
    expect(readdirSync(place.cwd).toSorted()).toEqual(['copy', 'data'])
    expect(existsSync(join(place.cwd, 'data/snapshot'))).toBe(false)
  })

  test('overwrites a file only with --force', async () => {
    const place = await newPlace()
    writeFileSync(join(place.cwd, 'copy'), 'mine')
    const { exitCode, stderr } = await fastkit(place, ['backup', 'copy'])
    expect([exitCode, stderr]).toEqual([1, 'fastkit: copy exists; --force replaces it\n'])
    expect(readFileSync(join(place.cwd, 'copy'), 'utf8')).toBe('mine')
    expect((await fastkit(place, ['backup', 'copy', '--force'])).exitCode).toBe(0)
    expect((await fastkit({ cwd: emptyDir() }, ['restore', join(place.cwd, 'copy')])).exitCode).toBe(0)
  })

  test('writes to standard output, and without the key with --no-key', async () => {
    const place = await newPlace()
    const path = join(place.cwd, 'piped')
    const args = [`${import.meta.dir}/../../src/main.ts`, 'backup', '-', '--no-key']
    const env = { EMBEDDED_FSYNC: 'off' }
    const child = Bun.spawn([process.execPath, ...args], {
      cwd: place.cwd,
      env,
      stdout: Bun.file(path),
      stderr: 'pipe',
    })
    expect(await new Response(child.stderr).text()).toEndWith('rows; without a key, so keep JWT_SECRET\n')
    expect(await child.exited).toBe(0)
    const other = { cwd: emptyDir() }
    const { stdout } = await fastkit(other, ['restore', path])
    expect(stdout).toContain('the backup has no key')
    expect(existsSync(join(other.cwd, 'data/jwt-secret'))).toBe(false)
  })

  test('says what to do without a database, and with a server', async () => {
    const nothing = await fastkit({ cwd: emptyDir() }, ['backup', 'copy'])
    expect([nothing.exitCode, nothing.stderr]).toEqual([
      1,
      'fastkit: there is no embedded database in DATA_DIR ./data\n',
    ])
    const env = { DATABASE_URL: 'postgres://a:must-not-be-echoed@127.0.0.1:1/a', JWT_SECRET: 'x'.repeat(32) }
    for (const [name, tool] of [
      ['backup', 'pg_dump'],
      ['restore', 'pg_restore'],
    ] as const) {
      const { exitCode, stderr } = await fastkit({ cwd: emptyDir(), env }, [name, 'copy'])
      expect([exitCode, stderr]).toEqual([1, expect.stringContaining(tool)])
      expect(stderr).not.toContain('must-not')
    }
  })

  test('reports a full disk, and leaves no partial file', async () => {
    const { exitCode, stderr } = await fastkit(await newPlace(), ['backup', '/dev/full/copy'])
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining('/dev/full/copy.partial cannot be written'),
    ])
  })

  test('runs one at a time', async () => {
    const place = await newPlace()
    const made = await Promise.all(['a', 'b', 'c'].map((name) => fastkit(place, ['backup', name])))
    for (const { exitCode, stderr } of made)
      expect(stderr).toMatch(
        exitCode === 0 ? /^wrote / : /^fastkit: another backup of DATA_DIR .* is under way\n$/,
      )
    expect(made.some(({ exitCode }) => exitCode === 0)).toBe(true)
    expect(readdirSync(place.cwd).toSorted()).toEqual(
      ['data', ...['a', 'b', 'c'].filter((_, index) => made[index]?.exitCode === 0)].toSorted(),
    )
  })
})

describe.skipIf(serverUrl !== null)('fastkit restore', () => {
  let place: Place
  let file = ''
  beforeAll(async () => {
    place = await newPlace()
    file = join(place.cwd, 'copy')
    await fastkit(place, ['backup', file])
  })

  test('moves a database aside only with --force, and deletes nothing', async () => {
    const other = await newPlace()
    await create(other, 'late@example.com')
    const refused = await fastkit(other, ['restore', file])
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      'fastkit: DATA_DIR ./data has a database; --force moves it aside\n',
    ])
    expect((await user(other, ['list'])).stdout).toContain('late@example.com')

    const { stdout } = await fastkit(other, ['restore', '--force', file])
    const [, aside = ''] = stdout.match(/^the previous database is in (.*)$/m) ?? []
    expect((await user(other, ['list'])).stdout).not.toContain('late@example.com')
    expect(readFileSync(join(other.cwd, 'data/jwt-secret'), 'utf8')).toBe(
      readFileSync(join(place.cwd, 'data/jwt-secret'), 'utf8'),
    )
    const old = { cwd: emptyDir(), env: { DATA_DIR: aside } }
    expect((await user(old, ['list'])).stdout).toContain('late@example.com')
  })

  test('is refused while a service runs', async () => {
    const busy = { cwd: emptyDir() }
    const service = await serve(busy)
    const { exitCode, stderr } = await fastkit(busy, ['restore', '--force', file])
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/is in use by process \d+; stop it first\n$/),
    ])
    expect((await createClient(service.url).call('GET /readyz')).status).toBe(200)
    await service.end('SIGTERM')
  })

  const readBackup = () => readFileSync(file)
  const plain = () => Buffer.from(Bun.zstdDecompressSync(readBackup())).toString()
  const packed = (text: string) => Bun.zstdCompressSync(text)

  test.each<[string, () => string | Uint8Array, RegExp]>([
    ['an empty file', () => '', /is not a backup of fastkit/],
    ['some other file', () => readFileSync(import.meta.path), /is not a backup of fastkit/],
    ['another compressed file', () => packed('hello\n'), /is not a backup of fastkit/],
    ['a file cut off', () => readBackup().subarray(0, -20), /is (cut off|damaged)/],
    ['half a file', () => readBackup().subarray(0, readBackup().length / 2), /is (cut off|damaged)/],
    ['a file without its last line', () => packed(plain().replace(/-- fastkit end .*\n$/, '')), /is cut off/],
    ['a changed value', () => packed(plain().replaceAll(boss, 'b0ss@example.com')), /checksum is wrong/],
    ['a missing row', () => packed(plain().replace(/^.*boss@.*\n/m, '')), /checksum is wrong/],
    ['something after its end', () => packed(`${plain()}x\n`), /continues after its end/],
    [
      'another backup behind it',
      () => Buffer.concat([readBackup(), readBackup()]),
      /continues after its end/,
    ],
    [
      'a later format',
      () => packed(plain().replace('{"format":1', '{"format":2')),
      /made by a newer fastkit/,
    ],
    ['a statement of its own', () => packed(plain().replace('\n', '\nDROP TABLE users;\n')), /is damaged/],
  ])('refuses %s, and touches nothing', async (_, bytes, reason) => {
    const cwd = emptyDir()
    const { exitCode, stdout, stderr } = await fastkit({ cwd }, ['restore', fileOf(bytes())])
    expect([exitCode, stdout, stderr]).toEqual([1, '', expect.stringMatching(reason)])
    expect(readdirSync(cwd)).toEqual([])
  })

  test('refuses a file with any changed byte', async () => {
    const bytes = readBackup()
    const step = Math.ceil(bytes.length / 8)
    for (let at = 0; at < bytes.length; at += step) {
      const cwd = emptyDir()
      const altered = Buffer.from(bytes)
      altered[at] = (altered[at] ?? 0) ^ 0x10
      const { exitCode } = await fastkit({ cwd }, ['restore', fileOf(altered)])
      expect({ at, exitCode, left: readdirSync(cwd) }).toEqual({ at, exitCode: 1, left: [] })
    }
  })

  /** Changes a backup and makes its checksum match. */
  function rewritten(change: (text: string) => string): string {
    const [, body = '', end = ''] = change(plain()).match(/^(.*\n)-- fastkit end (.*)\n$/s) ?? []
    const sha256 = new Bun.CryptoHasher('sha256').update(body).digest('hex')
    return fileOf(packed(`${body}-- fastkit end ${JSON.stringify({ ...JSON.parse(end), sha256 })}\n`))
  }

  test.each<[string, (text: string) => string, RegExp]>([
    [
      'of a newer schema',
      (text) => text.replace('"migrations":[', '"migrations":[{"name":"9999_later","hash":"x"},'),
      /is newer than this executable: it has migration 9999_later/,
    ],
    [
      'whose migration was edited',
      (text) => text.replace(/"hash":"./, '"hash":"x'),
      /is not the one that was applied/,
    ],
    ['with a row less than it says', (text) => text.replace(/^.*boss@.*\n/m, ''), /does not hold the rows/],
  ])('refuses one %s', async (_, change, reason) => {
    const cwd = emptyDir()
    const { exitCode, stderr } = await fastkit({ cwd }, ['restore', rewritten(change)])
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(reason)])
    expect(readdirSync(cwd)).toEqual([])
  })

  const withAnOrphan = (text: string) =>
    text
      .replace(
        /^COPY public\.realtime_sockets .*\n/m,
        `$&${[1, 2, 3, 4].map((n) => (n === 3 ? 3 : crypto.randomUUID())).join('\t')}\n`,
      )
      .replace('"public.realtime_sockets","rows":"0"', '"public.realtime_sockets","rows":"1"')

  test.each<[string, (text: string) => string, RegExp]>([
    ['another value', (text) => text.replaceAll(boss, 'b0ss@example.com'), /differs after the copy/],
    ['a value of another type', (text) => text.replace(/\tt\t/, '\tmaybe\t'), /boolean/],
    ['a reference to nobody', withAnOrphan, /violates foreign key constraint/],
  ])('leaves no database when one with a right checksum has %s', async (_, change, reason) => {
    const place = { cwd: emptyDir() }
    const { exitCode, stderr } = await fastkit(place, ['restore', rewritten(change)])
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(reason)])
    expect(readdirSync(join(place.cwd, 'data'))).toEqual(['lock'])
  })

  test('restores an older schema, which the next start migrates', async () => {
    const place = { cwd: emptyDir() }
    const old = rewritten((text) =>
      text
        .replace(/,\{"name":"0002_realtime","hash":"\w+"\}/, '')
        .replace(/,\{"name":"public\.(channel|realtime|ws_)\w+","(columns|rows)":[^}]*\}/g, '')
        .replace(/^COPY public\.(channel|realtime|ws_)[^\0]*?\n\\\.\n/gm, ''),
    )
    expect((await fastkit(place, ['restore', old])).stderr).toBe('')
    expect((await fastkit(place, ['migrate'])).stdout).toBe('applied 0002_realtime\n')
    expect((await user(place, ['list'])).stdout).toContain(boss)
  })
})
