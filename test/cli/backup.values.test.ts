import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import postgres, { type Sql } from 'postgres'
import { backupFormat } from '../../src/backup/manifest'
import { readChunks, verifyBackup } from '../../src/backup/read-backup'
import { exportContents, importContents } from '../../src/backup/transfer'
import { writeBackup } from '../../src/backup/write-backup'
import { openDataDir } from '../../src/embedded/data-dir'
import { withEmbeddedDatabase } from '../../src/embedded/with-embedded-database'
import { createTestDatabase } from '../support/database'
import { seed } from '../support/random'

const home = mkdtempSync(join(tmpdir(), 'fastkit-values-'))
const schema = await Bun.file(join(import.meta.dir, '../support/awkward.sql')).text()
const odd = `"Odd ""name"", 'it' (x)"`

setDefaultTimeout(120_000)
afterAll(() => rmSync(home, { recursive: true }))

/** Runs `work` on a fresh embedded database and removes it. */
async function onFresh<T>(name: string, work: (sql: Sql) => Promise<T>): Promise<T> {
  const { path, release } = openDataDir(join(home, name))
  return withEmbeddedDatabase({ dataDir: path, fsync: false }, work).finally(release)
}

async function onServer<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
  const { url, drop } = await createTestDatabase()
  if (!url) return onFresh('instead-of-a-server', work)
  const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => undefined })
  return work(sql)
    .finally(() => sql.end())
    .finally(drop)
}

/** Text that PostgreSQL can store: without NUL and lone surrogates. */
const anyText = (maxLength = 40) =>
  fc.string({ unit: 'binary', maxLength }).map((text) => text.replaceAll('\0', '\\').toWellFormed())
const traps = fc.constantFrom(
  '',
  '\\N',
  '\\.',
  '\\',
  '\\\\n',
  '\t',
  '\n',
  '\r\n',
  "'",
  "''; drop table hens; --",
  'null',
  '\u2028',
  '🦊',
)
const text = fc.oneof(
  { weight: 10, arbitrary: traps },
  { weight: 10, arbitrary: anyText() },
  { weight: 1, arbitrary: fc.constant('long\t'.repeat(60_000)) },
)
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 4 })
const json = maybe(
  fc.jsonValue({ depthSize: 'small' }).map((value) => JSON.stringify(value).replaceAll('\\u0000', '')),
)
const integerOf = (bits: number) =>
  maybe(fc.bigInt(-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n).map(String))
const float = maybe(
  fc.oneof(
    fc.constantFrom('NaN', 'Infinity', '-Infinity', '-0', '0.1', '5e-324'),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  ),
)
const one = (...values: string[]) => maybe(fc.constantFrom(...values))

/** The text of a row, in the order of its columns. */
const aRow = fc.tuple(
  text,
  maybe(anyText(18).filter((value) => [...value].length <= 40)),
  one('', 'ab', 'ab    ', ' a'),
  integerOf(16),
  integerOf(32),
  integerOf(64),
  one('0', '-0.000', '1e100', '123456789012345678901234567890.0123456789', 'NaN'),
  one('0.1', '1e-30', 'NaN', '-Infinity', '16777217'),
  float,
  one('t', 'f'),
  one(
    '2026-01-31 12:00:00.123456+00',
    '2026-07-01 00:00:00.000001+02',
    'infinity',
    '0044-03-15 12:00:00+00 BC',
    '294276-12-31 23:59:59.999999+00',
  ),
  one('2026-03-29 02:30:00.5', '-infinity'),
  one('2024-02-29', '4713-01-01 BC'),
  one('24:00:00', '23:59:59.999999'),
  one('12:00:00.5+05:30'),
  one('1 year 2 mons -3 days 04:05:06.789012', '-1 day', '00:00:00'),
  maybe(fc.uuid()),
  json,
  json,
  maybe(fc.uint8Array({ maxLength: 50 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`)),
  one('{}', '{NULL,"NULL","","a\\\\b","c\\"d","{,}"}', '[2:3]={a,b}'),
  one('{{1,2},{3,NULL}}', '{}'),
  one('::1', '10.1.2.3/8', '2001:db8::/32'),
  one('10.0.0.0/8'),
  one('08:00:2b:01:02:03'),
  one('', '101'),
  one(`'it''s' 'a\\\\b':3A`),
  one('empty', '[1,5)', '(,)'),
  one('(1.5,-2e-300)'),
  one('fine', `it's, "so" so`, 'tab\there'),
  one('', 'short'),
)

const literal = (value: string | null) => (value === null ? 'null' : `'${value.replaceAll("'", "''")}'`)

async function populate(sql: Sql) {
  const rows = fc.sample(aRow, { numRuns: 300, seed })
  for (const row of [...rows, ['é'.repeat(500_000), ...Array.from({ length: 29 }, () => null)]]) {
    await sql.unsafe(`insert into ${odd} overriding user value values (default, ${row.map(literal).join()})`)
  }
  await sql.unsafe(`begin; insert into hens select i, i, nullif((i + 1) % 1000, 0) from generate_series(1, 999) i;
    insert into eggs select i, i from generate_series(1, 999) i; commit`)
  await sql.unsafe(`insert into stamped (note) select 'n' || i from generate_series(1, 50) i; insert into nothing default values;
    delete from stamped where id % 3 = 0; insert into apart.hens values (1); select nextval('backwards')`)
}

/** The state in which a copy must be equal. */
async function stateOf(sql: Sql) {
  const sums = await sql.begin(async (transaction) => (await exportContents(transaction)).sums)
  const constraints = await sql.unsafe(
    `select conname, pg_get_constraintdef(oid) as definition, convalidated from pg_constraint
     where connamespace = 'public'::regnamespace and contype <> 'n' order by 1`,
  )
  const sequences = await sql.unsafe('select sequencename, last_value::text from pg_sequences order by 1')
  const triggers = await sql.unsafe('select tgname, tgenabled from pg_trigger where not tgisinternal')
  return { sums, constraints: [...constraints], sequences: [...sequences], triggers: [...triggers] }
}

describe(`values of every kind (seed ${seed})`, () => {
  test('stay the same from database to file to database to server', async () => {
    const file = join(home, 'backup')
    const first = await onFresh('first', async (sql) => {
      await sql.unsafe(schema)
      await populate(sql)
      await sql.begin(async (transaction) => {
        const { chunks, sums, migrations, tables } = await exportContents(transaction)
        const about = { format: backupFormat, version: 'test', created_at: '', jwt_secret: null } as const
        const header = { ...about, migrations, tables }
        await writeBackup({ header, sums, chunks }, createWriteStream(file))
      })
      return stateOf(sql)
    })
    const { sums } = await verifyBackup(file)
    expect(sums).toEqual(first.sums)
    expect(sums.find(({ name }) => name === 'public.hens')?.rows).toBe('999')

    await onFresh('second', async (sql) => {
      await sql.unsafe(schema)
      await sql.begin((transaction) => importContents(transaction, { chunks: readChunks(file), sums }))
      expect(await stateOf(sql)).toEqual(first)

      const third = await onServer(async (server) => {
        await server.unsafe(schema)
        await sql.begin((source) =>
          server.begin(async (target) => importContents(target, await exportContents(source))),
        )
        const state = await stateOf(server)
        await expectWorking(server)
        return state
      })
      expect(third).toEqual(first)
    })
  })
})

/** Expects that sequences continue, foreign keys are enforced and triggers fire. */
async function expectWorking(sql: Sql) {
  const [row] = await sql.unsafe(`insert into ${odd} ("a, b") values ('x') returning id, twice`)
  expect({ ...row }).toEqual({ id: String(7 + 301 * 3), twice: 'xx' })
  const [stamped] = await sql`insert into stamped (note) values ('x') returning id, note`
  expect({ ...stamped }).toEqual({ id: 51, note: 'x!' })
  await expect(sql`insert into eggs values (5000, 5000)`.execute()).rejects.toThrow('eggs_hen_fkey')
}
