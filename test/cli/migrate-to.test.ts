import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { createClient } from '../support/client'
import { createTestDatabase, serverUrl } from '../support/database'
import { repository } from '../support/executable'
import { createOperator, type Place } from '../support/operator'

const { emptyDir, fastkit, serve, clear } = createOperator()
const drops: (() => Promise<void>)[] = []

setDefaultTimeout(120_000)
afterEach(async () => {
  for (const drop of drops.splice(0)) await drop()
})
afterAll(clear)

async function newDatabase(): Promise<string> {
  const { url, drop } = await createTestDatabase()
  drops.push(drop)
  return url ?? ''
}

async function query(url: string, statement: string) {
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined })
  try {
    return await sql.unsafe(statement).simple()
  } finally {
    await sql.end()
  }
}

/** An embedded database with a user who is signed in. */
async function newPlace() {
  const place: Place = { cwd: emptyDir() }
  const service = await serve(place)
  const client = createClient(service.url)
  const person = await client.enter()
  await service.end('SIGTERM')
  return { place, person, userAt: service.url }
}

const key = (place: Place) => join(place.cwd, 'data/jwt-secret')

describe.skipIf(serverUrl === null)('fastkit migrate-to', () => {
  test('copies everything, and sessions stay valid', async () => {
    const { place, person } = await newPlace()
    const url = await newDatabase()
    const { exitCode, stdout, stderr } = await fastkit(place, ['migrate-to', url])
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^copied \d+ tables, \d+ rows; counts and checksums agree\. Next:\n1\. /)
    expect(stdout).toContain(`JWT_SECRET_FILE=${key(place)}`)

    const env = { DATABASE_URL: url, JWT_SECRET_FILE: key(place) }
    const moved = await serve({ cwd: emptyDir(), env })
    const client = createClient(moved.url)
    expect((await client.me(person.access_token)).status).toBe(200)
    expect((await client.refresh(person.refresh_token)).status).toBe(200)
    await client.signIn(person)
    expect(await moved.end('SIGTERM')).toBe(0)
    expect((await fastkit(place, ['user', 'list'])).stdout).toContain(person.email)
  })

  test('copies a restore that was killed after its commit', async () => {
    const { place, person } = await newPlace()
    const { place: restored, person: expected } = await newPlace()
    const url = await newDatabase()
    mkdirSync(join(place.cwd, 'data/restored'), { mode: 0o700 })
    for (const name of ['jwt-secret', 'pg'])
      renameSync(join(restored.cwd, 'data', name), join(place.cwd, 'data/restored', name))
    expect((await fastkit(place, ['migrate-to', url])).exitCode).toBe(0)
    const emails = (await query(url, 'select email from users')).map(({ email }) => email)
    expect([emails.includes(expected.email), emails.includes(person.email)]).toEqual([true, false])
  })

  test.each(['an argument that asks', 'DATABASE_URL', 'DATABASE_URL_FILE'])(
    'takes the address from %s',
    async (way) => {
      const { place } = await newPlace()
      const url = await newDatabase()
      const file = join(emptyDir(), 'url')
      writeFileSync(file, `${url}\n`)
      const env = {
        'an argument that asks': {},
        DATABASE_URL: { DATABASE_URL: url },
        DATABASE_URL_FILE: { DATABASE_URL_FILE: file },
      }[way]
      const args = way.startsWith('an') ? ['migrate-to', '-'] : ['migrate-to']
      const { exitCode, stderr } = await fastkit({ ...place, ...(env && { env }) }, args, `${url}\n`)
      expect([exitCode, stderr]).toEqual([0, ''])
    },
  )

  test('accepts an existing schema if it is empty, and no other database', async () => {
    const { place } = await newPlace()
    const url = await newDatabase()
    const env = { DATABASE_URL: url, JWT_SECRET: 'x'.repeat(32) }
    expect((await fastkit({ cwd: emptyDir(), env }, ['migrate'])).exitCode).toBe(0)
    expect((await fastkit(place, ['migrate-to', url])).exitCode).toBe(0)
    const again = await fastkit(place, ['migrate-to', url])
    expect([again.exitCode, again.stderr]).toEqual([
      1,
      expect.stringMatching(/^fastkit: the target database is not empty: public\.\w+ has rows\n$/),
    ])

    const other = await newDatabase()
    await query(other, 'create table theirs (id int)')
    const refused = await fastkit(place, ['migrate-to', other])
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      'fastkit: the target database has other tables, such as public.theirs; name an empty one\n',
    ])
    expect(await tablesIn(other)).toEqual(['theirs'])
  })

  test('leaves nothing on the server when it fails', async () => {
    const { place } = await newPlace()
    const url = await newDatabase()
    const env = { DATABASE_URL: url, JWT_SECRET: 'x'.repeat(32) }
    await fastkit({ cwd: emptyDir(), env }, ['migrate'])
    await query(url, 'alter table tokens add constraint nobody check (false)')
    const { exitCode, stderr } = await fastkit(place, ['migrate-to', url])
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('violates check constraint "nobody"')])
    expect(await query(url, 'select from users limit 1')).toHaveLength(0)
    const keys = await query(url, "select from pg_constraint where conname = 'tokens_user_id_fkey'")
    expect(keys).toHaveLength(1)
  })

  test('prints no password, neither a wrong one nor that of an invalid address', async () => {
    const { place } = await newPlace()
    const wrong = new URL(serverUrl ?? '')
    wrong.password = 'must-not-be-echoed'
    const away = 'postgres://fastkit:must-not-be-echoed@127.0.0.1:1/fastkit'
    for (const [url, code] of [
      [wrong.href, 1],
      [away, 1],
      ['mysql://fastkit:must-not-be-echoed@127.0.0.1/fastkit', 78],
    ] as const) {
      const { exitCode, stdout, stderr } = await fastkit(place, ['migrate-to', url])
      expect({ url, exitCode, stdout }).toEqual({ url, exitCode: code, stdout: '' })
      expect(stderr).toMatch(/^(fastkit|Bad configuration|error): /)
      expect(stderr).not.toContain('must-not')
    }
    const { exitCode, stderr } = await fastkit(place, ['migrate-to'])
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('name the database')])
  })

  test('is refused while a service runs, whose writes would be lost', async () => {
    const place = { cwd: emptyDir() }
    const service = await serve(place)
    const { exitCode, stderr } = await fastkit(place, ['migrate-to', await newDatabase()])
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/in use by process \d+; stop it first\n$/)])
    await service.end('SIGTERM')
  })
})

const tablesIn = async (url: string) =>
  (
    await query(
      url,
      "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    )
  ).map(({ relname }) => relname)

// The tools must not be older than the server.
const bin =
  Array.from(new Bun.Glob('/usr/lib/postgresql/*/bin/pg_dump').scanSync('/')).toSorted().at(-1) ?? ''
const tool = async (name: string, args: string[], input = '') => {
  const child = Bun.spawn([join('/', bin, '..', name), ...args], {
    stdin: Buffer.from(input),
    stderr: 'pipe',
  })
  return { stderr: await new Response(child.stderr).text(), exitCode: await child.exited }
}

describe.skipIf(serverUrl === null || bin === '')('the tools of PostgreSQL', () => {
  test('pg_dump and pg_restore keep accounts and sessions, as docs/backup.md shows', async () => {
    const { place, person } = await newPlace()
    const [url, other] = [await newDatabase(), await newDatabase()]
    await fastkit(place, ['migrate-to', url])
    const dump = join(emptyDir(), 'fastkit.dump')
    const commands = [
      ...(await Bun.file(join(repository, 'docs/backup.md')).text()).matchAll(
        /^(pg_dump|pg_restore) (.*)$/gm,
      ),
    ]
    expect(commands.map(([, name]) => name)).toEqual(['pg_dump', 'pg_restore'])
    for (const [, name = '', args = ''] of commands) {
      const filled = args
        .replace('fastkit.dump', dump)
        .replace('"$DATABASE_URL"', url)
        .replace('"$NEW_DATABASE_URL"', other)
      expect(await tool(name, filled.split(' '))).toEqual({ stderr: '', exitCode: 0 })
    }
    const restored = await serve({
      cwd: emptyDir(),
      env: { DATABASE_URL: other, JWT_SECRET_FILE: key(place) },
    })
    const client = createClient(restored.url)
    expect((await client.me(person.access_token)).status).toBe(200)
    expect((await client.refresh(person.refresh_token)).status).toBe(200)
    await restored.end('SIGTERM')
  })

  test('psql reads a backup into an empty schema', async () => {
    const { place, person } = await newPlace()
    const url = await newDatabase()
    const env = { DATABASE_URL: url, JWT_SECRET: 'x'.repeat(32) }
    await fastkit({ cwd: emptyDir(), env }, ['migrate'])
    await fastkit(place, ['backup', 'copy'])
    const script = Buffer.from(
      Bun.zstdDecompressSync(await Bun.file(join(place.cwd, 'copy')).bytes()),
    ).toString()
    const how = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--single-transaction', url]
    expect(await tool('psql', how, script)).toEqual({ stderr: '', exitCode: 0 })
    const [user] = await query(url, 'select email from users')
    expect(user?.['email']).toBe(person.email)
  })
})
