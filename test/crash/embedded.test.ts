import { afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { protocol } from '@electric-sql/pglite'
import postgres from 'postgres'
import { makeTemplate } from '../../src/embedded/cluster-template'
import { DataDirInUse, openDataDir } from '../../src/embedded/data-dir'
import { type Embedded, startEmbedded } from '../../src/embedded/start-embedded'
import { startPostgres } from '../../src/embedded/start-pglite'

const cleanups: (() => unknown)[] = []

setDefaultTimeout(30_000)

// Makes the template on the first run of a machine, outside of the time limit of the first test.
beforeAll(() => makeTemplate(join(emptyDir(), 'template')))

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe('embedded database', () => {
  test('a fresh directory has a database that keeps its rows when opened again', async () => {
    const dataDir = emptyDir()
    const first = await start(dataDir)
    await first.sql`CREATE TABLE notes (body text)`
    await first.sql`INSERT INTO notes VALUES (${'kept'})`
    await first.stop()
    const second = await start(dataDir)
    expect([...(await second.sql`SELECT body FROM notes`)]).toEqual([{ body: 'kept' }])
  })

  test('only this user can reach the socket and the files', async () => {
    const { embedded, dataDir } = await start(emptyDir())
    expect(embedded.socketPath).toBe(join(dataDir, 'run', 'pg.sock'))
    for (const dir of ['run', 'pg']) expect(statSync(join(dataDir, dir)).mode & 0o777).toBe(0o700)
  })

  test('a commit is seen to reach the disk, unless fsync is off', async () => {
    expect((await start(emptyDir(), { fsync: true })).embedded.isDurable).toBe(true)
    expect((await start(emptyDir(), { fsync: false })).embedded.isDurable).toBe(false)
  })

  test('a path too long for a socket address works', async () => {
    const dataDir = join(emptyDir(), 'deep'.repeat(30), 'deeper'.repeat(20))
    mkdirSync(dataDir, { recursive: true })
    const { sql, embedded, stop } = await start(dataDir)
    expect([...(await sql`SELECT 1 AS one`)]).toEqual([{ one: 1 }])
    await stop()
    expect(existsSync(join(embedded.socketPath, '..'))).toBe(false)
  })

  test('a partly unpacked database is replaced', async () => {
    const dataDir = emptyDir()
    mkdirSync(join(dataDir, 'pg.new'))
    writeFileSync(join(dataDir, 'pg.new', 'PG_VERSION'), '18\n')
    const { sql } = await start(dataDir)
    expect([...(await sql`SELECT 1 AS one`)]).toEqual([{ one: 1 }])
    expect(existsSync(join(dataDir, 'pg.new'))).toBe(false)
  })

  test('a database of another major version is refused by name', async () => {
    const dataDir = emptyDir()
    mkdirSync(join(dataDir, 'pg'))
    writeFileSync(join(dataDir, 'pg', 'PG_VERSION'), '17\n')
    await expect(startEmbedded({ dataDir, fsync: false })).rejects.toThrow('PostgreSQL 17')
  })

  test('a database that cannot start fails with the log of Postgres', async () => {
    const dataDir = emptyDir()
    await (await start(dataDir)).stop()
    writeFileSync(join(dataDir, 'pg', 'postgresql.conf'), 'nonsense = 1')
    await expect(startEmbedded({ dataDir, fsync: false })).rejects.toThrow(
      'unrecognized configuration parameter',
    )
  })

  test('closing is idempotent and not reported as a failure', async () => {
    const { embedded, sql } = await start(emptyDir())
    await sql.end()
    await Promise.all([embedded.close(), embedded.close()])
    expect(await Promise.race([embedded.failed, Bun.sleep(50)])).toBeUndefined()
  })

  test('rows acknowledged before kill -9 are there afterwards', async () => {
    const dataDir = emptyDir()
    const victim = spawn(`
      const embedded = await startEmbedded({ dataDir: ${JSON.stringify(dataDir)}, fsync: true })
      const sql = postgres({ path: embedded.socketPath, max: 1, username: 'postgres', database: 'postgres' })
      await sql\`CREATE TABLE notes (id int)\`
      for (let id = 1; ; id++) { await sql\`INSERT INTO notes VALUES (\${id})\`; console.log(id) }`)
    const acknowledged = await killAfterLine(victim, 200)
    const { sql } = await start(dataDir)
    const [count] = await sql<
      { n: number }[]
    >`SELECT count(*)::int AS n FROM notes WHERE id <= ${acknowledged}`
    expect(count?.n).toBe(acknowledged)
  })
})

describe('maintenance', () => {
  test('it does not run within a transaction of the client', async () => {
    const { postgres } = await startPostgres({ dataDir: emptyDir(), fsync: false, onCrash: () => null })
    const send = (sql: string) =>
      postgres.execProtocolRawStream(protocol.serialize.query(sql), { onRawData: () => null })
    await send('BEGIN')
    expect(await postgres.execWhenIdle('CHECKPOINT')).toBeNull()
    await send('COMMIT')
    expect(await postgres.execWhenIdle('CHECKPOINT')).toBe('')
    await postgres.close()
  })

  test('it does not run between the messages of one statement', async () => {
    const { postgres } = await startPostgres({ dataDir: emptyDir(), fsync: false, onCrash: () => null })
    const send = (message: Uint8Array) => postgres.execProtocolRawStream(message, { onRawData: () => null })
    await send(protocol.serialize.parse({ text: 'SELECT 1' }))
    expect(await postgres.execWhenIdle('SELECT 2')).toBeNull()
    await send(protocol.serialize.sync())
    expect(await postgres.execWhenIdle('SELECT 2')).toBe('2')
    await postgres.close()
  })
})

describe('data directory', () => {
  test('it is made private', () => {
    const dataDir = join(emptyDir(), 'data')
    lock(dataDir)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  })

  test('a second process is refused within two seconds, with the pid of the first', async () => {
    const dataDir = emptyDir()
    lock(dataDir)
    const startedAt = performance.now()
    const second = spawn(
      `try { openDataDir(${JSON.stringify(dataDir)}) } catch (error) { console.log(error.name, error.message) }`,
    )
    const said = await new Response(second.stdout).text()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(said.trim()).toBe(`DataDirInUse DATA_DIR ${dataDir} is in use by process ${process.pid}`)
  })

  test('the same process is refused too, until it releases the lock', () => {
    const dataDir = emptyDir()
    const release = lock(dataDir)
    expect(() => openDataDir(dataDir)).toThrow(DataDirInUse)
    release()
    lock(dataDir)
  })

  test('kill -9 of the holder frees it', async () => {
    const dataDir = emptyDir()
    const holder = spawn(
      `globalThis.held = openDataDir(${JSON.stringify(dataDir)}); console.log(1); await Bun.sleep(60_000)`,
    )
    await readUntil(holder, 1)
    expect(() => openDataDir(dataDir)).toThrow(`process ${holder.pid}`)
    holder.kill('SIGKILL')
    await holder.exited
    lock(dataDir)
  })

  test('one that cannot be created is named in the error', () => {
    const file = join(emptyDir(), 'file')
    writeFileSync(file, '')
    expect(() => openDataDir(join(file, 'data'))).toThrow(
      `DATA_DIR ${join(file, 'data')} cannot be used: ENOTDIR`,
    )
  })
})

function emptyDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'fk-'))
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function lock(dataDir: string): () => void {
  const { release } = openDataDir(dataDir)
  cleanups.push(release)
  return release
}

async function start(dataDir: string, { fsync } = { fsync: false }) {
  const embedded: Embedded = await startEmbedded({ dataDir, fsync })
  const sql = postgres({ path: embedded.socketPath, max: 1, username: 'postgres', database: 'postgres' })
  const stop = async () => {
    await sql.end()
    await embedded.close()
  }
  cleanups.push(stop)
  return { dataDir, embedded, sql, stop }
}

/** Starts a second process: locks and kill -9 cannot be tested within one. */
function spawn(body: string) {
  const imports = `
    import postgres from 'postgres'
    import { openDataDir } from './src/embedded/data-dir'
    import { startEmbedded } from './src/embedded/start-embedded'`
  const child = Bun.spawn([process.execPath, '-e', `${imports}\n${body}`], {
    cwd: join(import.meta.dir, '../..'),
    stdout: 'pipe',
    stderr: 'inherit',
  })
  cleanups.push(() => child.kill('SIGKILL'))
  return child
}

type Child = ReturnType<typeof spawn>

/** Reads lines with ascending numbers until one is at least `line`. Returns the last number. */
async function readUntil(child: Child, line: number): Promise<number> {
  let text = ''
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString()
    const last = Number(text.split('\n').at(-2))
    if (last >= line) return last
  }
  throw new Error(`the process ended before it said ${line}`)
}

async function killAfterLine(child: Child, line: number): Promise<number> {
  const seen = await readUntil(child, line)
  child.kill('SIGKILL')
  await child.exited
  return seen
}
