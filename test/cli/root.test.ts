import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chownSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { aPassword } from '../support/client'
import { createPlayground, repository } from '../support/executable'
import { createOperator } from '../support/operator'

const { emptyDir, user, fastkit, serve, clear } = createOperator()
const playground = createPlayground()
const main = join(repository, 'src/main.ts')
// A user that every machine has and that owns nothing.
const nobody = 65534
const ids = ['--reuid=65534', '--regid=65534', '--clear-groups']
const asNobody = [...ids, process.execPath, main]
const variables = { EMBEDDED_FSYNC: 'off', ARGON2_MEMORY_KIB: '64', ARGON2_TIME: '1' }

setDefaultTimeout(60_000)
afterAll(async () => {
  await clear()
  await playground.clear()
})

const all = (dir: string) => [
  dir,
  ...readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((file) => join(dir, file)),
]
const filesOfRoot = (dir: string) => all(dir).filter((file) => statSync(file).uid === 0)

/** Only root can become another user, who must be able to read the sources. */
function canBecomeNobody(): boolean {
  if (process.geteuid?.() !== 0 || !Bun.which('setpriv')) return false
  return Bun.spawnSync(['setpriv', ...ids, process.execPath, main, 'version']).success
}

/** An embedded database that belongs to another user. */
async function ofNobody() {
  const place = { cwd: emptyDir() }
  const { exitCode } = await user(
    place,
    ['create', '--email', 'a@example.com', '--password-stdin'],
    aPassword,
  )
  expect(exitCode).toBe(0)
  for (const file of all(place.cwd)) chownSync(file, nobody, nobody)
  return place
}

const refusal = (cwd: string) =>
  `DATA_DIR ${join(cwd, 'data')} belongs to nobody, who could not use files of root in it; run: runuser -u nobody -- fastkit …`

const runAsNobody = (cwd: string, args: string[]) =>
  playground.run('setpriv', {
    args: [...asNobody, ...args],
    cwd,
    env: { ...variables, PATH: Bun.env['PATH'] ?? '' },
  })

describe.skipIf(!canBecomeNobody())('root, on the embedded database of another user', () => {
  test.each([
    [['user', 'list']],
    [['user', 'create', '--email', 'b@example.com', '--password-stdin']],
    [['backup', 'out.fastkit']],
    [['migrate-to', 'postgres://u:p@127.0.0.1:1/x']],
    [['serve']],
  ])('is refused %j and leaves no file', async (args) => {
    const place = await ofNobody()
    const { exitCode, stderr } = await fastkit({ ...place, env: { PORT: '0' } }, args, aPassword)
    expect(exitCode).toBe(1)
    expect(stderr).toEndWith(`fastkit: ${refusal(place.cwd)}\n`)
    expect(filesOfRoot(place.cwd)).toEqual([])
    expect((await runAsNobody(place.cwd, ['user', 'list'])).stdout).toContain('a@example.com')
  })

  test('is refused an empty directory too', async () => {
    const place = { cwd: emptyDir() }
    mkdirSync(join(place.cwd, 'data'))
    chownSync(join(place.cwd, 'data'), nobody, nobody)
    expect((await user(place, ['list'])).exitCode).toBe(1)
    expect(readdirSync(join(place.cwd, 'data'))).toEqual([])
  })

  test('may use the database through the service that runs on it', async () => {
    const place = await ofNobody()
    const service = await playground.serve('setpriv', {
      args: asNobody,
      cwd: place.cwd,
      env: { ...variables, PATH: Bun.env['PATH'] ?? '' },
    })
    expect((await user(place, ['list'])).stdout).toContain('a@example.com')
    const backup = await fastkit(place, ['backup', 'out.fastkit'])
    expect([backup.exitCode, backup.stderr]).toEqual([1, `fastkit: ${refusal(place.cwd)}\n`])
    expect(await service.end('SIGTERM')).toBe(0)
    expect(filesOfRoot(join(place.cwd, 'data'))).toEqual([])
    expect((await runAsNobody(place.cwd, ['user', 'list'])).exitCode).toBe(0)
  })
})

test.skipIf(!canBecomeNobody())(
  'a file of root in the cluster is named when the database cannot start',
  async () => {
    const { cwd } = await ofNobody()
    const file = join(cwd, 'data/pg/pg_logical/replorigin_checkpoint')
    chownSync(file, 0, 0)
    const { exitCode, stderr } = await runAsNobody(cwd, ['user', 'list'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain(
      `${file} belongs to root, and this process runs as nobody; as root, run: chown -R nobody ${join(cwd, 'data')}\n`,
    )
  },
)

test('root on its own database is not refused', async () => {
  const place = { cwd: emptyDir() }
  expect((await user(place, ['list'])).exitCode).toBe(0)
  const service = await serve(place)
  expect(await service.end('SIGTERM')).toBe(0)
})
