import { describe, expect, test } from 'bun:test'
import { basename } from 'node:path'
import { judgeImport } from './support/architecture-law'
import { judgeSource, judgeTest } from './support/architecture-style'
import { judgeWords } from './support/retired-words'

const root = `${import.meta.dir}/..`
const generated = ['src/postgres/migrations.ts']
const topLevel = [
  ...[
    'package.json',
    'bunfig.toml',
    'tsconfig.json',
    'drizzle.config.ts',
    'src',
    'drizzle',
    'test',
    'README.md',
  ],
  ...[
    'docker-compose.yml',
    'Dockerfile',
    '.env.example',
    'bun.lock',
    'LICENSE',
    '.gitignore',
    '.dockerignore',
  ],
  ...['biome.json', 'docs'],
]

const sources = await read('src/**/*.ts')
const tests = await read('test/**/*.ts')
// The name of a layer says what a file is in every module.
const layerNames = ['routes', 'schema', 'service', 'repo', 'table', 'guard'].map((name) => `${name}.ts`)
const vocabulary = 'test/support/retired-words.ts'

describe('src', () => {
  test('keeps the import law and the style that a machine can check', () => {
    expect(sources.flatMap(({ path, text }) => judgeSource(path, text))).toEqual([])
  })

  test('has a median file under 70 lines and none over 300', () => {
    const lengths = sources.map(({ text }) => text.split('\n').length - 1).toSorted((a, b) => a - b)
    expect(lengths[Math.floor(lengths.length / 2)]).toBeLessThan(70)
    const long = [...sources, ...tests].filter(({ text }) => text.split('\n').length - 1 > 300)
    expect(long.map(({ path }) => path)).toEqual([])
  })
})

test('no file name in src stands twice, but those of the layers', async () => {
  const names = (await Array.fromAsync(new Bun.Glob('src/**').scan({ cwd: root }))).map((path) =>
    basename(path),
  )
  const twice = names.filter((name, at) => names.indexOf(name) !== at && !layerNames.includes(name))
  expect(twice).toEqual([])
})

describe('retired words', () => {
  test('stand nowhere', async () => {
    const kinds = ['{src,test}/**/*.{ts,md,js,mjs,css,sql,py}', 'docs/**', 'README.md']
    const files = (await Promise.all(kinds.map(read))).flat().filter(({ path }) => path !== vocabulary)
    expect(files.flatMap(({ path, text }) => judgeWords(path, text))).toEqual([])
  })

  test.each([
    ['most', 'Rows', 'max…'],
    ['stran', 'ger', 'unauthenticated'],
    ['in dou', 'bt', null],
  ])('%s%s: %s', (start, end, instead) => {
    const problems = instead === null ? [] : [`a.ts:1 '${start}${end}' is retired; say ${instead}`]
    expect(judgeWords('a.ts', `const a = 1 // ${start}${end}`)).toEqual(problems)
  })
})

test('what is left to chance comes from the seed of the run', () => {
  // A port must differ between files that run at the same time.
  const may = ['test/support/random.ts', 'test/support/ports.ts', 'test/architecture.test.ts']
  const unseeded = tests.filter(
    ({ path, text }) => /Math\.random|fc\.assert/.test(text) && !may.includes(path),
  )
  expect(unseeded.map(({ path }) => path)).toEqual([])
})

test('no test is skipped, alone or to be written', () => {
  expect(tests.flatMap(({ path, text }) => judgeTest(path, text))).toEqual([])
})

describe('the top level', () => {
  test('holds what the design names', () => {
    expect(strangersAmong(git('ls-files', '-z').split('\0').filter(Boolean))).toEqual([])
  })

  test('bears folders of tools, and no file of anyone', () => {
    const theirs = ['.github/workflows/ci.yml', '.vscode/settings.json']
    expect(strangersAmong([...theirs, 'src/main.ts', 'docs/backup.md'])).toEqual([])
    expect(strangersAmong(['notes.txt', 'lib/a.ts', 'lib/b.ts', '.secrets'])).toEqual([
      'notes.txt',
      'lib',
      '.secrets',
    ])
  })

  // It holds the key that signs tokens.
  test.each([
    ['.gitignore', ['*.bak', '*.partial']],
    ['.dockerignore', ['**/*.bak', '**/*.partial']],
  ])('%s keeps a backup out, whole or not', async (name, patterns) => {
    const lines = (await Bun.file(`${root}/${name}`).text()).split('\n')
    expect(lines).toEqual(expect.arrayContaining(patterns))
  })
})

describe('the import law has teeth', () => {
  test.each([
    ['core/clock.ts', 'elysia', 'move what needs it up, or take it as an argument'],
    ['core/clock.ts', '../deps', 'move what needs it up, or take it as an argument'],
    ['http/problem.ts', '../deps', 'move what needs it up, or take it as an argument'],
    ['postgres/database.ts', '../modules/users/repo', 'move what needs it up, or take it as an argument'],
    ['http/problem.ts', '../modules/auth/guard', 'move what needs it up, or take it as an argument'],
    ['http/problem.ts', 'drizzle-orm', 'move what needs it up, or take it as an argument'],
    ['modules/users/table.ts', '../../core/errors', 'put rules into the service'],
    ['modules/users/schema.ts', './table', 'write its fields down here and map them in the service'],
    [
      'modules/users/repo.ts',
      '../sessions/repo',
      "join the table here, or let the service call '../sessions/service'",
    ],
    ['modules/users/repo.ts', 'elysia', 'put rules into the service'],
    ['modules/users/service.ts', '../sessions/repo', "call a verb of '../sessions/service'"],
    ['modules/users/service.ts', './table', 'call a function of ./repo'],
    ['modules/users/service.ts', '../../server/as-system', 'pass on the one that was given'],
    ['modules/users/routes.ts', '../../server/as-system', 'pass its actor on'],
    ['modules/users/service.ts', 'drizzle-orm/pg-core', 'call a function of ./repo'],
    ['modules/users/service.ts', '@elysiajs/swagger', 'take values and return them'],
    ['modules/users/routes.ts', './repo', "call a verb of './service'"],
    ['modules/users/routes.ts', '../sessions/repo', "call a verb of '../sessions/service'"],
    ['modules/users/routes.ts', 'drizzle-orm', 'put the work into the service'],
    ['modules/auth/guard.ts', '../sessions/liveness', "call a verb of '../sessions/service'"],
    ['modules/auth/access-token.ts', 'elysia', 'take values and return them'],
    ['app.ts', './modules/users/service', 'do it in the routes of that module'],
    ['deps.ts', './core/clock', 'use `import type`'],
    ['main.ts', './app', 'put the work into src/cli'],
    ['cli/serve-command.ts', '../build/build', 'move what both need to core'],
    ['cli/serve-command.ts', '../../test/support/service', 'move what both need to src'],
    ['helpers.ts', './core/clock', 'put it into a folder that has one'],
    ['modules/realtime/routes.ts', './sockets/lifecycle', "import that file, or call a verb of './service'"],
    ['modules/realtime/service.ts', './sockets/lifecycle', "import that file, or call a verb of './service'"],
    ['modules/realtime/tickets.ts', './sockets/lifecycle', "import that file, or call a verb of './service'"],
    ['modules/realtime/sockets/lifecycle.ts', '../guard', 'move it there'],
    ['modules/realtime/sockets/lifecycle.ts', '../table', 'call a function of ./repo'],
    ['modules/realtime/sockets/lifecycle.ts', 'elysia', 'take values and return them'],
    [
      'modules/users/sockets.ts',
      '../realtime/sockets/lifecycle',
      "import that file, or call a verb of '../realtime/service'",
    ],
    ['modules/users/deep/down/service.ts', '../../repo', 'put it into a folder that has one'],
    [
      'cli/serve-command.ts',
      '../modules/realtime/sockets/lifecycle',
      "import that file, or call a verb of '../modules/realtime/service'",
    ],
  ])('%s must not import %s: %s', (file, specifier, advice) => {
    const problem = judgeImport(file, specifier)
    expect(problem).toStartWith(`src/${file}`)
    expect(problem).toEndWith(`; ${advice}`)
  })

  test.each([
    ['core/network.ts', 'ipaddr.js'],
    ['core/crypto.ts', 'node:crypto'],
    ['postgres/database.ts', 'postgres'],
    ['postgres/migrations.ts', '../../drizzle/0000_accounts.sql'],
    ['http/cors.ts', '@elysiajs/cors'],
    ['modules/users/table.ts', '../../postgres/columns'],
    ['modules/users/table.ts', 'drizzle-orm/pg-core'],
    ['modules/sessions/repo.ts', '../users/table'],
    ['modules/users/schema.ts', '../../http/schemas'],
    ['modules/auth/service.ts', '../sessions/service'],
    ['modules/auth/service.ts', '../../postgres/transaction'],
    ['modules/auth/access-token.ts', '@elysiajs/jwt'],
    ['modules/users/routes.ts', '../auth/guard'],
    ['modules/realtime/routes.ts', '../../../docs/websocket.md'],
    ['modules/realtime/sockets.ts', './sockets/lifecycle'],
    ['modules/realtime/sockets/lifecycle.ts', './socket-slots'],
    ['modules/realtime/sockets/lifecycle.ts', '../repo'],
    ['modules/realtime/sockets/lifecycle.ts', '../../users/service'],
    ['app.ts', './modules/users/routes'],
    ['main.ts', './cli/program'],
    ['cli/user-command.ts', '../modules/users/service'],
    ['modules/users/routes.ts', '../sessions/service'],
    ['build/build.ts', '../postgres/migrate'],
  ])('%s may import %s', (file, specifier) => {
    expect(judgeImport(file, specifier)).toBeNull()
  })
})

describe('the style rules have teeth', () => {
  test.each([
    ['default export', 'export default 1'],
    ['barrel', "export * from './clock'"],
    ['any', 'export const f = (x: any) => x'],
    ['non-null', 'export const f = (x: string | null) => x!'],
    ['cast', 'export const f = (x: unknown) => x as string'],
    ['cast', 'export const f = (x: unknown) => <string>x'],
    ['cast', '// Reason, too far away.\nexport function f(x: unknown) {\n  g()\n  return x as string\n}'],
    ['environment', "export const f = () => process.env['A']"],
    ['environment', 'export const f = () => Bun.env'],
    ['environment', 'export const f = () => { const { env } = process; return env }'],
    ['environment', "import { env } from 'node:process'\nexport const f = () => env"],
    ['isTTY', 'export const f = () => process.stdout.isTTY'],
    ['isTTY', "export const f = () => process['stderr']['isTTY']"],
    ['isTTY', 'export const f = () => { const { isTTY } = process.stdin; return isTTY }'],
    ['when imported', 'export const a = 1\nsetInterval(() => a, 1)'],
    ['when imported', 'export const a = await Promise.resolve(1)'],
    ['when imported', "import './clock'"],
    ['when imported', 'for (const a of []) f(a)'],
    ['acts as the system', "export const actor = { kind: 'system', origin }"],
    ['unfinished', `// ${'TO'}${'DO'}: later\nexport const a = 1`],
    ['must not import', "import { t } from 'elysia'\nexport const a = t.String()"],
    ['must not import', "import type { Deps } from '../deps'\nexport type A = Deps"],
    ['must not import', "export const f = () => import('../modules/users/repo')"],
  ])('%s: %s', (problem, source) => {
    expect(judgeSource('src/core/fabricated.ts', source)).toEqual([expect.stringContaining(problem)])
  })

  test.each([
    "export const a = ['x'] as const",
    '// The caller checked it.\nexport const f = (x: unknown) => x as string',
    '/** The caller checked it. */\nexport function f(x: unknown) {\n  return x as string\n}',
    'export function f(x: unknown) {\n  g()\n  // The caller checked it.\n  return h(x as string)\n}',
    "export const text = 'TO' + ' any as string!'",
    "import type { A } from './clock'\nexport const f = async (a: A) => await a",
  ])('nothing against: %s', (source) => {
    expect(judgeSource('src/core/fabricated.ts', source)).toEqual([])
  })

  test('a parked test is found, a conditional one is not', () => {
    const parked = "test.skip('a', f)\ndescribe.only('b', f)\ntest.todo('c')\ntest.skipIf(isWindows)('d', f)"
    expect(judgeTest('a.test.ts', parked)).toHaveLength(3)
  })
})

/** What git says of this working tree; nothing where there is no repository. */
const git = (...args: string[]) => Bun.spawnSync(['git', ...args], { cwd: root }).stdout.toString()

/** Of the paths that git tracks, the names at the top that the design does not know. Dot folders belong to tools. */
function strangersAmong(paths: string[]): string[] {
  const names = paths.filter((path) => !/^\..*\//.test(path)).map((path) => path.split('/')[0] ?? '')
  return [...new Set(names)].filter((name) => !topLevel.includes(name))
}

/** The files of one kind, without declarations and what a generator wrote. */
async function read(pattern: string): Promise<{ path: string; text: string }[]> {
  const paths = await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: root }))
  const kept = paths.filter((path) => !path.endsWith('.d.ts') && !generated.includes(path)).toSorted()
  return Promise.all(kept.map(async (path) => ({ path, text: await Bun.file(`${root}/${path}`).text() })))
}
