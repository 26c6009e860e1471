import { join } from 'node:path'
import { openDataDir } from '../../src/embedded/data-dir'
import { withEmbeddedDatabase } from '../../src/embedded/with-embedded-database'
import { createClient } from '../support/client'
import { createOperator } from '../support/operator'

// Measures how long requests of 16 writers wait during a backup, and how long the backup takes.
// Usage: ROWS=200000 bun test/bench/backup.ts
const rows = Number(Bun.env['ROWS'] || 200_000)
const { emptyDir, fastkit, serve, clear } = createOperator()
const place = { cwd: emptyDir() }
const took: { at: number; milliseconds: number }[] = []
let isWriting = true

await fastkit(place, ['migrate'])
await fill(join(place.cwd, 'data'))
const service = await serve(place)
const client = createClient(service.url)
const writers = Array.from({ length: 16 }, write)
await Bun.sleep(5000)
const [began, made, ended] = [performance.now(), await fastkit(place, ['backup', 'copy']), performance.now()]
isWriting = false
await Promise.all(writers)
print(
  'requests before',
  took.filter(({ at }) => at < began),
)
print(
  'requests meanwhile',
  took.filter(({ at }) => at >= began && at < ended),
)
const snapshot = service.lines.find(({ event }) => event === 'database.snapshot_taken')
process.stdout.write(`statements held up for ${snapshot?.['heldMs']} ms; ${made.stderr}`)
process.stdout.write(
  `backup: ${Math.round(ended - began)} ms, ${Bun.file(join(place.cwd, 'copy')).size} bytes\n`,
)
await service.end('SIGTERM')
const restored = await fastkit({ cwd: emptyDir() }, ['restore', join(place.cwd, 'copy')])
process.stdout.write(`restore: ${Math.round(restored.milliseconds)} ms\n`)
await clear()

async function write() {
  while (isWriting) {
    const at = performance.now()
    await client.register()
    took.push({ at, milliseconds: performance.now() - at })
  }
}

/** Inserts rows of half a kilobyte. */
async function fill(path: string) {
  const dataDir = openDataDir(path)
  await withEmbeddedDatabase({ dataDir: path, fsync: false }, async (sql) => {
    await sql`insert into audit_events select gen_random_uuid(), 'sign_in.failed', gen_random_uuid(), gen_random_uuid(), null,
      '192.0.2.1', gen_random_uuid()::text, jsonb_build_object('pad', (select string_agg(md5((i * 10 + g)::text), '')
      from generate_series(1, 8) g)), now() from generate_series(1, ${rows}::int) i`
  })
  dataDir.release()
}

function print(title: string, requests: { milliseconds: number }[]) {
  const sorted = requests.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b)
  const share = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0)
  process.stdout.write(
    `${title}: ${sorted.length}, p50 ${share(0.5)} ms, p99 ${share(0.99)} ms, longest ${share(1)} ms\n`,
  )
}
