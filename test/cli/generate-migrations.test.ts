import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../support/executable'

const clone = mkdtempSync(join(tmpdir(), 'fastkit-generate-'))
const read = (path: string) => readFileSync(join(clone, path), 'utf8')
const sqlFiles = () => [...new Bun.Glob('*.sql').scanSync(join(clone, 'drizzle'))].sort()
const generate = (...args: string[]) =>
  Bun.$`${process.execPath} run db:generate ${args}`.cwd(clone).nothrow().quiet()

setDefaultTimeout(60_000)
beforeAll(() => {
  for (const path of ['src', 'drizzle', 'drizzle.config.ts', 'package.json', 'tsconfig.json', 'bunfig.toml'])
    cpSync(join(repository, path), join(clone, path), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(clone, 'node_modules'))
})
afterAll(() => rmSync(clone, { recursive: true, force: true }))

describe('bun run db:generate', () => {
  test.each([[[]], [['Notes']], [['../notes']], [['notes', 'more']], [['--custom']], [['']]])(
    'with %j prints the usage and writes nothing',
    async (args) => {
      const before = sqlFiles()
      const { exitCode, stderr } = await generate(...args)
      expect([exitCode, stderr.toString()]).toEqual([2, expect.stringContaining('db:generate NAME')])
      expect(sqlFiles()).toEqual(before)
    },
  )

  test('writes a migration of that name, and puts it last in the list', async () => {
    const before = sqlFiles()
    const table = join(clone, 'src/modules/users/table.ts')
    const text = readFileSync(table, 'utf8')
    writeFileSync(
      table,
      text.replace('  {\n    id: id(),', "  {\n    nickname: text('nickname'),\n    id: id(),"),
    )
    expect((await generate('add_nickname')).exitCode).toBe(0)
    const [added = '', ...more] = sqlFiles().filter((file) => !before.includes(file))
    expect([added, more]).toEqual([expect.stringMatching(/^\d{4}_add_nickname\.sql$/), []])
    expect(read(`drizzle/${added}`)).toContain('ADD COLUMN "nickname" text')
    const listed = [...read('src/postgres/migrations.ts').matchAll(/name: '(\w+)'/g)].map(
      ([, name]) => `${name}.sql`,
    )
    expect(listed).toEqual([...before, added])
  })
})
