import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from '../support/executable'

const clone = mkdtempSync(join(tmpdir(), 'fastkit-guide-'))
const guide = await Bun.file(join(repository, 'src/README.md')).text()
// A repository in which the guide was followed has these notes, with tests.
const isFollowed = existsSync(join(repository, 'src/modules/notes'))

setDefaultTimeout(300_000)
afterAll(() => rmSync(clone, { recursive: true, force: true }))

describe.skipIf(isFollowed)('"Add a resource" in src/README.md', () => {
  test('passes the checks, its own test and those of the schema and the documents', async () => {
    copyRepository()
    const written = [...guide.matchAll(/^```ts\n\/\/ (\S+)\n(.*?)^```$/gms)]
    const layers = ['table', 'schema', 'repo', 'service', 'routes'].map((it) => `src/modules/notes/${it}.ts`)
    expect(written.map(([, path]) => path)).toEqual([...layers, 'test/api/notes.test.ts'])
    for (const [, path = '', text = ''] of written) await Bun.write(join(clone, path), text)
    await run('bun run db:generate notes')
    await addLines()

    await run('bun run check')
    const tests = ['api/notes', 'api/verbs.anonymous', 'cli/database.migrate', 'unit/documents']
    await run(`bun test --timeout=60000 ${tests.map((name) => `test/${name}.test.ts`).join(' ')}`)
  })
})

function copyRepository() {
  const left = ['node_modules', '.git', 'dist', 'data', 'coverage'].map((name) => join(repository, name))
  cpSync(repository, clone, { recursive: true, filter: (path) => !left.includes(path) })
  symlinkSync(join(repository, 'node_modules'), join(clone, 'node_modules'))
}

/** Runs a command of the guide. */
async function run(command: string) {
  const [, ...args] = command.split(' ')
  const { exitCode, stdout, stderr } = await Bun.$`${process.execPath} ${args}`.cwd(clone).nothrow().quiet()
  if (exitCode !== 0) throw new Error(`${command}: ${exitCode}\n${stdout}\n${stderr}`)
}

/** Applies the diffs of the guide: each `+` line is inserted below the line before it. */
async function addLines() {
  const [, diff = ''] = /^```diff\n(.*?)^```$/ms.exec(guide) ?? []
  let path = ''
  let above = ''
  for (const [mark, ...rest] of diff.trimEnd().split('\n')) {
    const line = rest.join('')
    if (mark === '#') path = join(clone, line.trim())
    if (mark === '+') {
      const text = await Bun.file(path).text()
      expect(text).toContain(`${above}\n`)
      await Bun.write(
        path,
        text.replace(`${above}\n`, () => `${above}\n${line}\n`),
      )
    }
    above = line
  }
}
