import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { startEmbedded } from '../../src/embedded/start-embedded'
import { aPassword, createClient } from '../support/client'
import { createOperator } from '../support/operator'
import { percentile } from '../support/soak'

const mebibyte = 1024 * 1024
const timeoutMilliseconds = 90_000
const operator = createOperator()
const disk = join(operator.emptyDir(), 'disk')
mkdirSync(disk)
const isMounted = mount(64)
afterAll(async () => {
  if (isMounted) Bun.spawnSync(['umount', '-l', disk])
  await operator.clear()
})

const skipReason = isMounted ? '' : ' (skipped: mounting a tmpfs needs root)'

describe.skipIf(!isMounted)(`an embedded database on a disk that fills up${skipReason}`, () => {
  const env = { DATA_DIR: join(disk, 'data'), EMBEDDED_FSYNC: 'on', JWT_SECRET: crypto.randomUUID() }
  let service: Awaited<ReturnType<typeof operator.serve>>
  beforeAll(async () => {
    service = await operator.serve({ cwd: operator.emptyDir(), env })
  }, timeoutMilliseconds)

  test(
    'refuses writes, serves reads, and writes again once there is room, with every acknowledged row',
    async () => {
      const { call, enter, me, newEmail } = createClient(service.url)
      const reader = await enter()
      const acknowledged: string[] = []
      const refusals: number[] = []
      const register = async () => {
        const email = newEmail()
        const startedAt = performance.now()
        const answer = await call('POST /api/v1/auth/register', { body: { email, password: aPassword } })
        if (answer.status === 201) acknowledged.push(email)
        else refusals.push(performance.now() - startedAt)
        return answer
      }
      for (let made = 0; made < 20; made++) await register()

      // The disk fills at once during a write, before the next check of the guard.
      fill()
      let refused = await register()
      for (let tries = 0; tries < 500 && refused.status === 201; tries++) refused = await register()
      expect([refused.status, refused.body.code]).toEqual([503, 'database_unavailable'])
      expect(refused.headers.get('retry-after')).toBe('2')
      for (let tries = 0; tries < 100; tries++) {
        await register()
        expect((await me(reader.access_token)).status).toBe(200)
      }
      expect((await call('GET /api/v1/users/me/sessions', { token: reader.access_token })).status).toBe(200)
      expect((await call('GET /livez')).status).toBe(200)

      rmSync(join(disk, 'ballast'), { recursive: true })
      const freedAt = performance.now()
      while ((await register()).status !== 201 && performance.now() - freedAt < 5000) await Bun.sleep(20)
      const recovery = performance.now() - freedAt
      expect(recovery).toBeLessThan(5000)
      process.stderr.write(
        `full disk: ${refusals.length} refusals, p50 ${percentile(refusals, 50).toFixed(1)} p99 ${percentile(refusals, 99).toFixed(1)} ms, writes again after ${recovery.toFixed(0)} ms\n`,
      )
      const events = service.lines.map(({ event }) => event)
      expect(events).toEqual(expect.arrayContaining(['database.disk_low', 'database.disk_recovered']))
      expect(events).not.toContain('http.internal_error')

      await service.end('SIGKILL')
      service = await operator.serve({ cwd: operator.emptyDir(), env })
      const again = createClient(service.url)
      for (const email of acknowledged)
        expect((await again.signIn({ email, password: aPassword })).access_token).toBeString()
      expect(await service.end('SIGTERM')).toBe(0)
    },
    timeoutMilliseconds,
  )
})

describe.skipIf(!isMounted)(`maintenance of a database on a nearly full disk${skipReason}`, () => {
  test(
    'vacuums only where the disk has room for its WAL',
    async () => {
      Bun.spawnSync(['mount', '-o', 'remount,size=320m', disk])
      const dataDir = join(disk, 'upkept')
      mkdirSync(dataDir)
      const embedded = await startEmbedded({ dataDir, fsync: false })
      const sql = postgres({ path: embedded.socketPath, user: 'postgres', max: 1, fetch_types: false })
      const vacuums = () =>
        sql`select vacuum_count::int as times from pg_stat_all_tables where relname = 'large'`
      await sql`create table large as select n, repeat('x', 900) as body from generate_series(1, 30000) n`
      await sql`checkpoint`
      await sql`delete from large where n % 2 = 0`
      // Postgres keeps WAL files in proportion to recent writes, and there were none.
      for (let n = 0; n < 50; n++) await sql`checkpoint`
      fill(12)
      // Maintenance runs every 15 seconds.
      const end = await Promise.race([embedded.failed, Bun.sleep(17_000).then(() => 'none')])
      expect(end).toBe('none')
      expect([...(await vacuums())]).toEqual([{ times: 0 }])

      rmSync(join(disk, 'ballast'), { recursive: true })
      while ((await vacuums())[0]?.['times'] === 0) await Bun.sleep(500)
      await sql.end()
      await embedded.close()
    },
    timeoutMilliseconds,
  )
})

function mount(mebibytes: number): boolean {
  const options = ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'none', disk]
  return process.getuid?.() === 0 && Bun.spawnSync(['mount', ...options]).success
}

/** Fills the disk up to `mebibytes` of free space. */
function fill(mebibytes = 0) {
  const dir = join(disk, 'ballast')
  mkdirSync(dir)
  const free = () => statfsSync(disk).bavail * statfsSync(disk).bsize - mebibytes * mebibyte
  for (const size of [mebibyte, 4096]) {
    const chunk = Buffer.alloc(size)
    for (let n = 0; free() >= size; n++) writeFileSync(join(dir, `${size}-${n}`), chunk)
  }
}
