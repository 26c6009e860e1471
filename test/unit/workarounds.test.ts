import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageManager } from '../../package.json'

const root = join(import.meta.dir, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const [, ...libraries] = read('docs/workarounds.md').split(/^## /m)
const headings = libraries.map((section) => /^(?<library>\S+) (?<version>\S+)$/m.exec(section)?.groups ?? {})
const rows = libraries.flatMap((section) => section.split(/^### /m).slice(1)).map(rowOf)
const ids = rows.map(({ id }) => id)

function rowOf(text: string) {
  const [id = ''] = text.split('\n')
  const code = /^- Code: (.*(?:\n {2}.*)*)$/m.exec(text)?.[1]?.match(/(?<=`)src\/[^`]+(?=`)/g) ?? []
  const tests = [...text.matchAll(/^- Test: `(test\/[^`]+)`\s+"([^"]+)"$/gm)]
  return {
    id,
    code,
    tests: tests.map(([, path = '', name = '']) => ({ path, name })),
    isUntested: text.includes('\n- No test\n'),
    hasEnd: /^- Until .*(\n {2}.*)*\bUpstream: /m.test(text),
  }
}

describe('docs/workarounds.md', () => {
  test.each(headings.map(({ library = '', version = '' }) => [library, version]))(
    'has the installed version of %s, so an upgrade reviews its rows',
    (library, version) => {
      const [, installed] = new RegExp(`"${library}": \\["${library}@([^"]+)"`).exec(read('bun.lock')) ?? []
      expect(version).toBe(library === 'bun' ? packageManager.replace('bun@', '') : String(installed))
    },
  )

  test('has each id once, with code, tests or `No test`, and the condition for its end', () => {
    expect(ids.length).toBeGreaterThan(0)
    expect(ids.filter((id, at) => !/^[a-z][a-z\d-]+$/.test(id) || ids.indexOf(id) !== at)).toEqual([])
    const isComplete = ({ code, tests, isUntested, hasEnd }: (typeof rows)[number]) =>
      code.length > 0 && tests.length > 0 !== isUntested && hasEnd
    expect(rows.filter((row) => !isComplete(row))).toEqual([])
  })

  test('names files and tests that exist', () => {
    const files = rows.flatMap(({ code, tests }) => [...code, ...tests.map(({ path }) => path)])
    expect(files.filter((path) => !existsSync(join(root, path)))).toEqual([])
    const tests = rows.flatMap((row) => row.tests)
    expect(tests.filter(({ path, name }) => !read(path).includes(name))).toEqual([])
  })

  test('has a row for each comment that names one', () => {
    const paths = [...new Bun.Glob('{src,test}/**/*.{ts,js,css}').scanSync(root)]
    const pointers = paths.flatMap((path) =>
      [...read(path).matchAll(/docs\/workarounds\.md#([\w-]+)/g)].map(([, id = '']) => ({ path, id })),
    )
    expect(pointers.filter(({ id }) => !ids.includes(id))).toEqual([])
  })
})
