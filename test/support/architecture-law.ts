import { posix } from 'node:path'

/**
 * The run-time imports of a file. The first row whose `files` match applies; a file without a row is refused. The first
 * match of `instead` says what to do, where `{service}` is the path of the service of the target module.
 */
type Row = {
  files: string
  may: readonly string[]
  never?: readonly string[]
  instead: readonly (readonly [target: string, advice: string])[]
}

/** The packages with a layer. Every other package is `#library`. */
const layers: Record<string, readonly string[]> = {
  '#builtin': ['bun', 'bun:*', 'node:*'],
  '#web': ['elysia', '@elysiajs/*'],
  '#tokens': ['@elysiajs/jwt', 'jose'],
  '#typebox': ['@sinclair/typebox'],
  '#database': ['drizzle-orm', 'postgres', '@electric-sql/*'],
}

// The public files of a module: its service, and rules that moved from a service to a file of their own.
const offered = 'modules/*/{service,refresh,user-password}'

const sql = ['modules/*/{repo,table}', "SQL stays behind the service; call a verb of '{service}'"] as const
const verbs = ['modules/*/*', "modules meet in their services; call a verb of '{service}'"] as const
const parts = [
  'modules/*/*/*',
  "a folder belongs to the file of its name; import that file, or call a verb of '{service}'",
] as const
const tools = ['build/**', 'build tools are not in the executable; move what both need to core'] as const
const tests = ['/test/**', 'src runs without its tests; move what both need to src'] as const
const downwards = '; move what needs it up, or take it as an argument'

/**
 * Paths are relative to `src`, without `.ts`. `X` is the module of the file, `*` any module, `Y` the folder of the file or
 * the one with its name, `#name` a layer of packages, `/…` a file of the repository outside `src`.
 */
const importLaw: readonly Row[] = [
  {
    files: 'main',
    may: ['cli/*', '#builtin', '#library'],
    instead: [['**', 'main only runs the program; put the work into src/cli']],
  },
  {
    files: 'app',
    may: ['http/**', 'openapi/**', 'modules/*/routes', '#web'],
    instead: [
      ['modules/*/*', 'app mounts routes; do it in the routes of that module'],
      ['**', 'app only joins plugins; put the work into http or into a module'],
    ],
  },
  { files: 'deps', may: [], instead: [['**', 'deps only names types; use `import type`']] },
  {
    files: 'core/**',
    may: ['core/**', '#builtin', '#library', '#typebox'],
    instead: [['**', `core imports no layer above it${downwards}`]],
  },
  {
    files: 'postgres/**',
    may: ['core/**', 'postgres/**', '/drizzle/**', '#builtin', '#library', '#typebox', '#database'],
    instead: [['**', `postgres knows no module and no HTTP${downwards}`]],
  },
  {
    files: 'embedded/**',
    may: ['core/**', 'embedded/**', 'postgres/**', '#builtin', '#library', '#database'],
    instead: [['**', `embedded knows no module and no HTTP${downwards}`]],
  },
  {
    files: 'backup/**',
    may: ['core/**', 'backup/**', 'postgres/**', '#builtin', '#library', '#typebox', '#database'],
    instead: [['**', `backup knows no module and no HTTP${downwards}`]],
  },
  {
    files: 'http/**',
    may: ['core/**', 'http/**', '#builtin', '#library', '#web', '#typebox'],
    instead: [['**', `http knows no module and no database${downwards}`]],
  },
  {
    files: 'openapi/**',
    may: ['core/**', 'http/**', 'openapi/**', '/package.json', '#builtin', '#library', '#web', '#typebox'],
    instead: [['**', `openapi knows no module and no database${downwards}`]],
  },
  {
    files: 'telemetry/**',
    may: ['core/**', 'telemetry/**', 'modules/*/service', '#builtin', '#library'],
    instead: [sql, verbs, ['**', `telemetry measures what the caller passes${downwards}`]],
  },
  {
    files: 'modules/*/table',
    may: ['core/roles', 'postgres/columns', 'modules/*/table', '#database'],
    instead: [['**', 'a table is columns alone; put rules into the service']],
  },
  {
    files: 'modules/*/{schema,messages}',
    may: ['core/roles', 'http/{schemas,pagination-schemas}', 'modules/*/schema', '#web', '#typebox'],
    instead: [
      [
        'modules/*/{repo,table}',
        'what goes over the wire is not the row; write its fields down here and map them in the service',
      ],
      ['**', 'a schema describes alone; put rules into the service'],
    ],
  },
  {
    files: 'modules/*/repo',
    may: ['postgres/**', 'modules/*/table', '#database'],
    instead: [
      [
        'modules/*/repo',
        "each repo has SQL of its own; join the table here, or let the service call '{service}'",
      ],
      ['**', 'a repo is SQL alone; put rules into the service'],
    ],
  },
  {
    files: 'modules/*/routes',
    may: [
      ...['http/**', 'openapi/**', 'modules/X/*', 'modules/*/{guard,schema}', offered, '/docs/*.md'],
      ...['#web', '#typebox'],
    ],
    never: ['modules/X/{repo,table}'],
    instead: [
      sql,
      parts,
      ['server/**', 'routes act for whoever sent the request; pass its actor on'],
      ['modules/*/*', "routes call services; call a verb of '{service}'"],
      ['**', 'routes are a table; put the work into the service'],
    ],
  },
  {
    files: 'modules/*/guard',
    may: ['core/**', 'http/**', 'modules/X/*', offered, '#web'],
    never: ['modules/X/{repo,table,routes}'],
    instead: [sql, parts, verbs, ['**', 'a guard asks services; put the work into one']],
  },
  {
    files: 'modules/*/service',
    may: [
      'core/**',
      'postgres/{announce,transaction,database-errors}',
      'modules/X/*',
      offered,
      '#library',
      '#tokens',
    ],
    never: ['modules/X/{table,schema,routes,guard}'],
    instead: [
      ['modules/X/table', 'rows are read by the repo; call a function of ./repo'],
      sql,
      parts,
      verbs,
      ['server/**', 'rights come with the caller; pass on the one that was given'],
      ['#web', 'a service knows no HTTP; take values and return them'],
      ['#database', 'SQL is the work of the repo; call a function of ./repo'],
      ['**', 'a service is rules; take what it needs from deps'],
    ],
  },
  {
    // A file named for its one idea, such as jwt-codec. The folder of the same name is its implementation.
    files: 'modules/*/{*,*/*}',
    may: [
      ...['core/**', 'postgres/{announce,transaction,database-errors}', 'modules/X/{*,Y/*}', offered],
      ...['#builtin', '#library', '#tokens', '#typebox'],
    ],
    never: ['modules/X/{table,routes,guard}'],
    instead: [
      ['modules/X/table', 'rows are read by the repo; call a function of ./repo'],
      sql,
      parts,
      ['modules/X/{routes,guard}', 'what the routes need is a verb of the service; move it there'],
      verbs,
      ['#web', 'only routes, guards and schemas know HTTP; take values and return them'],
      ['#database', 'SQL is the work of the repo; call a function of ./repo'],
      ['**', 'it serves its service; take what it needs from deps'],
    ],
  },
  {
    files: 'server/**',
    may: ['**'],
    never: ['build/**', 'cli/**', 'modules/*/*/*', '/test/**'],
    instead: [
      tools,
      ['cli/**', 'the command line starts the server; take what it knows as an argument'],
      parts,
      tests,
    ],
  },
  {
    files: 'cli/**',
    may: ['**'],
    never: ['build/**', 'modules/*/*/*', '/test/**'],
    instead: [tools, parts, tests],
  },
  { files: 'build/**', may: ['**'], never: ['modules/*/*/*', '/test/**'], instead: [parts, tests] },
]

/** The reason why `file` (relative to `src`) must not import `specifier`, and what to do; null when it may. */
export function judgeImport(file: string, specifier: string): string | null {
  const path = file.replace(/\.ts$/, '')
  const row = importLaw.find((candidate) => matches(candidate.files, path))
  if (!row) return `src/${file}: no row of the import rules has this file; put it into a folder that has one`
  const [, own = '', folder = ''] = path.match(/^modules\/([^/]+)\/([^/]+)/) ?? []
  const targets = specifier.startsWith('.') ? [localName(path, specifier)] : layersOf(specifier)
  const about = (pattern: string) => pattern.replace('/X/', `/${own}/`).replace('Y/', `${folder}/`)
  const isCovered = (patterns: readonly string[]) =>
    patterns.some((pattern) => targets.some((target) => matches(about(pattern), target)))
  if (isCovered(row.may) && !isCovered(row.never ?? [])) return null
  const [, advice = ''] = row.instead.find(([target]) => isCovered([target])) ?? []
  return `src/${file} must not import '${specifier}': ${advice.replace('{service}', serviceFor(path, targets[0]))}`
}

/** The specifier by which `path` imports the service of the module of `target`. */
function serviceFor(path: string, target = ''): string {
  const [, module = ''] = target.split('/')
  const way = posix.relative(posix.dirname(path), `modules/${module}/service`)
  return way.startsWith('.') ? way : `./${way}`
}

/** Resolves `../users/repo` in `modules/auth/service` to `modules/users/repo`. A path outside `src` starts with a slash. */
function localName(path: string, specifier: string): string {
  const name = posix.join('src', posix.dirname(path), specifier).replace(/\.ts$/, '')
  return name.startsWith('src/') ? name.slice('src/'.length) : `/${name}`
}

function layersOf(specifier: string): string[] {
  const isBuiltin = specifier.startsWith('node:') || specifier.startsWith('bun:')
  const packageName = isBuiltin
    ? specifier
    : specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')
  const named = Object.keys(layers).filter((layer) =>
    layers[layer]?.some((name) => matches(name, packageName)),
  )
  return named.length > 0 ? named : ['#library']
}

const matches = (pattern: string, name: string) => new Bun.Glob(pattern).match(name)
