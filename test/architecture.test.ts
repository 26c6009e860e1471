import { describe, expect, test } from 'bun:test'
import { judgeImport } from './support/architecture-law'
import { judgeSource, judgeTest } from './support/architecture-style'

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
    ['core/clock.ts', 'elysia'],
    ['core/clock.ts', '../deps'],
    ['postgres/database.ts', '../modules/users/repo'],
    ['http/problem.ts', '../modules/auth/guard'],
    ['http/problem.ts', 'drizzle-orm'],
    ['modules/users/table.ts', '../../core/errors'],
    ['modules/users/schema.ts', './table'],
    ['modules/users/repo.ts', '../sessions/repo'],
    ['modules/users/repo.ts', 'elysia'],
    ['modules/users/service.ts', '../sessions/repo'],
    ['modules/users/service.ts', './table'],
    ['modules/users/service.ts', '../../server/as-system'],
    ['modules/users/routes.ts', '../../server/as-system'],
    ['modules/users/service.ts', 'drizzle-orm/pg-core'],
    ['modules/users/service.ts', '@elysiajs/cors'],
    ['modules/users/routes.ts', './repo'],
    ['modules/users/routes.ts', '../sessions/repo'],
    ['modules/users/routes.ts', 'drizzle-orm'],
    ['modules/auth/guard.ts', '../sessions/liveness'],
    ['modules/auth/access-token.ts', 'elysia'],
    ['app.ts', './modules/users/service'],
    ['deps.ts', './core/clock'],
    ['main.ts', './app'],
    ['cli/serve-command.ts', '../build/build'],
    ['cli/serve-command.ts', '../../test/support/service'],
    ['helpers.ts', './core/clock'],
    ['modules/realtime/routes.ts', './sockets/lifecycle'],
    ['modules/realtime/service.ts', './sockets/lifecycle'],
    ['modules/realtime/tickets.ts', './sockets/lifecycle'],
    ['modules/realtime/protocol-page/protocol-tables.ts', '../sockets/lifecycle'],
    ['modules/realtime/sockets/lifecycle.ts', '../guard'],
    ['modules/realtime/sockets/lifecycle.ts', '../table'],
    ['modules/realtime/sockets/lifecycle.ts', 'elysia'],
    ['modules/users/sockets.ts', '../realtime/sockets/lifecycle'],
    ['modules/users/deep/down/service.ts', '../../repo'],
    ['cli/serve-command.ts', '../modules/realtime/sockets/lifecycle'],
  ])('%s must not import %s', (file, specifier) => {
    expect(judgeImport(file, specifier)).toStartWith(`src/${file}`)
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
