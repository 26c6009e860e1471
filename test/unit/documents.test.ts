import { describe, expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { devDependencies, engines, packageManager, scripts } from '../../package.json'
import { targets } from '../../src/build/targets'
import { exitCodes } from '../../src/cli/program'
import { Settings } from '../../src/core/environment-variables'
import { catalogue } from '../../src/http/error-catalogue'

const root = join(import.meta.dir, '../..')
const read = (path: string) => Bun.file(join(root, path)).text()
const readme = await read('README.md')
const settings = Object.entries(Settings.properties).map(([name, { default: value, ...notes }]) => ({
  name,
  value: value ?? '',
  meaning: String(notes['meaning']),
  isSecret: notes['isSecret'] === true,
}))

describe('.env.example', () => {
  test('names every variable with its default and its meaning, in order, and sets none', async () => {
    const [head = '', ...entries] = (await read('.env.example')).trimEnd().split('\n\n')
    expect(head.split('\n').filter((line) => !line.startsWith('# '))).toEqual([])
    const pattern = /^# (?<meaning>.+)\n(?:# Secret: .*\b(?<file>\w+_FILE)=.*\n)?#(?<name>\w+)=(?<value>.*)$/
    const found = entries.map((entry) => {
      const { name, value, meaning, file = null } = pattern.exec(entry)?.groups ?? {}
      return { name, value, meaning, file }
    })
    expect(found).toEqual(
      settings.map(({ name, value, meaning, isSecret }) => {
        return { name, value, meaning, file: isSecret ? `${name}_FILE` : null }
      }),
    )
  })
})

describe('README.md', () => {
  test('has every variable in its table, with its default and its meaning', () => {
    const rows = section('Configuration').matchAll(/^\| `([A-Z_\d]+)`( S)? +\| (.*?) +\| (.*?) +\|$/gm)
    expect([...rows].map(([, name, mark, value, meaning]) => ({ name, mark, value, meaning }))).toEqual(
      settings.map(({ name, value, meaning, isSecret }) => ({
        name,
        mark: isSecret ? ' S' : undefined,
        value: value === '' ? 'unset' : `\`${value}\``,
        meaning,
      })),
    )
  })

  test('has every error code with its status', () => {
    const [, list = ''] = section('Tour').split('All codes:')
    const documented = list.split('·').flatMap((group) => {
      const status = Number(group.match(/\d{3}/)?.[0])
      return [...group.matchAll(/`(\w+)`/g)].map(([, code = '']) => [code, status])
    })
    const known = Object.entries(catalogue).map(([code, { status }]) => [code, status])
    expect(documented.toSorted()).toEqual(known.toSorted())
  })

  test('has exactly the commands of the executable', async () => {
    const help = await Bun.$`${process.execPath} src/main.ts --help`.cwd(root).text()
    const [, list = ''] = help.split('Commands:\n')
    const offered = [...list.matchAll(/^ {2}([\w-]+)/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help')
    const documented = [...section('Commands').matchAll(/^\| `fastkit ([\w-]+)/gm)].map(([, name]) => name)
    expect(documented).toEqual(offered)
  })

  test('has the exit codes', () => {
    const [, line = ''] = section('Commands').split('Exit codes: ')
    const documented = [...(line.split('.')[0] ?? '').matchAll(/\d+/g)].map(Number)
    expect(documented).toEqual(Object.values(exitCodes))
  })

  test('has every build target', () => {
    const documented = [...section('Build and deploy').matchAll(/`(bun-(?:linux|darwin)-[\w-]+)`/g)]
    expect(documented.map(([, target]) => target)).toEqual([...targets])
  })

  test('names scripts and files that exist', async () => {
    const named = [...readme.matchAll(/`?bun (?:run )?(start|dev|(?<=run )[\w:]+)/g)].map(
      ([, name = '']) => name,
    )
    expect(named).toContainValues(['start', 'test', 'build'])
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })
})

describe('links', async () => {
  const pages = ['README.md', 'src/README.md', ...new Bun.Glob('docs/*.md').scanSync(root)]

  test.each(pages)('of %s lead to files and headings that exist', async (page) => {
    // A path that begins with /docs is a page of the running service.
    const links = (await read(page)).matchAll(/\]\((?!\w+:|\/docs\b)([^)#]*)(?:#([^)]+))?\)/g)
    for (const [link, path = '', anchor] of links) {
      const target = path === '' ? page : join(dirname(page), path)
      expect([link, existsSync(join(root, target))]).toEqual([link, true])
      if (anchor !== undefined) expect(anchorsOf(await read(target))).toContain(anchor)
    }
  })

  test('of the README lead to every page of docs', () => {
    const linked = [...readme.matchAll(/\]\((docs\/[^)#]+\.md)/g)].map(([, path = '']) => path)
    expect([...new Set(linked)].toSorted()).toEqual(
      pages.filter((page) => page.startsWith('docs/')).toSorted(),
    )
  })
})

test('every file names the same version of Bun', async () => {
  const [, version = ''] = packageManager.split('@')
  expect({ engine: engines.bun, types: devDependencies['@types/bun'] }).toEqual({
    engine: `>=${version}`,
    types: version,
  })
  for (const path of ['README.md', 'Dockerfile']) {
    const named = (await read(path)).match(/(?<=\bbun[@:]|\bBun )\d+\.\d+\.\d+/g) ?? []
    expect({ path, versions: new Set(named) }).toEqual({ path, versions: new Set([version]) })
  }
  // CI reads the version from package.json.
  const ci = await read('.ci/run')
  expect(ci).toContain('"packageManager": "bun@')
  expect(ci).not.toMatch(/bun@\d/)
})

describe('src/README.md', () => {
  test('has exactly the existing folders in its map', async () => {
    const [, map = ''] = (await read('src/README.md')).split('```\n')
    const named = [...map.matchAll(/^( {2})?(\w+\/|\w+\.ts)/gm)].map(([, isModule, name]) =>
      isModule ? `modules/${name}` : `${name}`,
    )
    const paths = await Array.fromAsync(new Bun.Glob('**/*.ts').scan({ cwd: join(root, 'src') }))
    expect(named.filter((name) => !paths.some((path) => path.startsWith(name)))).toEqual([])
    const folders = new Set(paths.flatMap((path) => path.match(/^(modules\/)?\w+\//)?.[0] ?? []))
    expect([...folders].filter((folder) => !named.includes(folder))).toEqual([])
  })
})

/** The anchors of the headings of a page. */
const anchorsOf = (page: string) =>
  [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replaceAll(' ', '-'),
  )

/** The section of the README below a heading. */
function section(title: string): string {
  const [, text = ''] = readme.split(`\n## ${title}\n`)
  return text.split('\n## ')[0] ?? ''
}
