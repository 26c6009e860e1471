import { afterAll, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack, unpack } from '../../src/embedded/archive'

const scratch = mkdtempSync(join(tmpdir(), 'fastkit-archive-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test.each([true, false])(
  'unpacking restores empty files and directories too, readable by the owner alone (fsync %p)',
  async (fsync) => {
    const source = mkdtempSync(join(scratch, 'source-'))
    const bytes = crypto.getRandomValues(new Uint8Array(100_000))
    for (const dir of ['base/1', 'pg_wal/archive_status', 'pg_notify'])
      mkdirSync(join(source, dir), { recursive: true })
    writeFileSync(join(source, 'base/1/1259'), bytes)
    writeFileSync(join(source, 'empty'), '')

    const copy = `${source}.copy`
    await unpack(pack(source), copy, { fsync })
    const names = (dir: string) => readdirSync(dir, { recursive: true, encoding: 'utf8' }).toSorted()
    expect(names(copy)).toEqual(names(source))
    expect(readFileSync(join(copy, 'base/1/1259'))).toEqual(Buffer.from(bytes))
    const modes = ['', ...names(copy)].map((name) => {
      const stat = statSync(join(copy, name))
      return `${stat.isDirectory()} ${(stat.mode & 0o777).toString(8)}`
    })
    expect(new Set(modes)).toEqual(new Set(['true 700', 'false 600']))
  },
)
