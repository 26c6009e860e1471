import { posix } from 'node:path'

/**
 * The imports that a file may have at run time. The first row whose `files` match decides; a file without a row is
 * refused. The first entry of `instead` whose target matches gives the advice, in which `{service}` becomes a path.
 */
type Row = {
  files: string
  may: readonly string[]
  never?: readonly string[]
  instead: readonly (readonly [target: string, advice: string])[]
}

/** Packages that form a layer; every other package is in `#library`. */
const layers: Record<string, readonly string[]> = {
  '#builtin': ['bun', 'bun:*', 'node:*'],
  '#web': ['elysia', '@elysiajs/*'],
  '#tokens': ['@elysiajs/jwt', 'jose'],
  '#typebox': ['@sinclair/typebox'],
  '#database': ['drizzle-orm', 'postgres', '@electric-sql/*'],
}

// The public files of a module: its service and rules that were moved out of the service.
const publicFiles = 'modules/*/{service,refresh,user-password}'

const sql = [
  'modules/*/{repo,table}',
  "only a service uses its repo and table; call a function of '{service}'",
] as const
const verbs = [
  'modules/*/*',
  "modules use each other through services only; call a function of '{service}'",
] as const
const parts = [
  'modules/*/*/*',
  "only the file with the name of a folder imports from it; import that file or call a function of '{service}'",
] as const
const tools = [
  'build/**',
  'the executable does not contain build tools; move the shared code to core',
] as const
const tests = ['/test/**', 'src must not depend on tests; move the shared code to src'] as const
const moveUp = '; move the code to a higher layer or take the value as an argument'

/**
 * Paths are relative to `src` and without `.ts`. `X` is the module of the file and `Y` its folder, or the folder with
 * its name; `*` is any module, `#name` a layer of packages, `/…` a file outside `src`.
 */
const importLaw: readonly Row[] = [
  {
    files: 'main',
    may: ['cli/*', '#builtin', '#library'],
    instead: [['**', 'main only runs the program; move the code to src/cli']],
  },
  {
    files: 'app',
    may: ['http/**', 'openapi/**', 'modules/*/routes', '#web'],
    instead: [
      ['modules/*/*', 'app only mounts routes; move the code to the routes of that module'],
      ['**', 'app only combines plugins; move the code to http or to a module'],
    ],
  },
  { files: 'deps', may: [], instead: [['**', 'deps contains types only; use `import type`']] },
  {
    files: 'core/**',
    may: ['core/**', '#builtin', '#library', '#typebox'],
    instead: [['**', `core must not depend on other layers${moveUp}`]],
  },
  {
    files: 'postgres/**',
    may: ['core/**', 'postgres/**', '/drizzle/**', '#builtin', '#library', '#typebox', '#database'],
    instead: [['**', `postgres must not depend on modules or HTTP${moveUp}`]],
  },
  {
    files: 'embedded/**',
    may: ['core/**', 'embedded/**', 'postgres/**', '#builtin', '#library', '#database'],
    instead: [['**', `embedded must not depend on modules or HTTP${moveUp}`]],
  },
  {
    files: 'backup/**',
    may: ['core/**', 'backup/**', 'postgres/**', '#builtin', '#library', '#typebox', '#database'],
    instead: [['**', `backup must not depend on modules or HTTP${moveUp}`]],
  },
  {
    files: 'http/**',
    may: ['core/**', 'http/**', '#builtin', '#library', '#web', '#typebox'],
    instead: [['**', `http must not depend on modules or the database${moveUp}`]],
  },
  {
    files: 'openapi/**',
    may: ['core/**', 'http/**', 'openapi/**', '/package.json', '#builtin', '#library', '#web', '#typebox'],
    instead: [['**', `openapi must not depend on modules or the database${moveUp}`]],
  },
  {
    files: 'telemetry/**',
    may: ['core/**', 'telemetry/**', 'modules/*/service', '#builtin', '#library'],
    instead: [sql, verbs, ['**', `telemetry depends on core and services only${moveUp}`]],
  },
  {
    files: 'modules/*/table',
    may: ['core/roles', 'postgres/columns', 'modules/*/table', '#database'],
    instead: [['**', 'a table contains columns only; move rules to the service']],
  },
  {
    files: 'modules/*/{schema,messages}',
    may: ['core/roles', 'http/{schemas,pagination-schemas}', 'modules/*/schema', '#web', '#typebox'],
    instead: [
      [
        'modules/*/{repo,table}',
        'a schema must not depend on rows; list the fields here and map them in the service',
      ],
      ['**', 'a schema contains no logic; move rules to the service'],
    ],
  },
  {
    files: 'modules/*/repo',
    may: ['postgres/**', 'modules/*/table', '#database'],
    instead: [
      [
        'modules/*/repo',
        "a repo must not use another repo; join the table here or let the service call '{service}'",
      ],
      ['**', 'a repo contains SQL only; move rules to the service'],
    ],
  },
  {
    files: 'modules/*/routes',
    may: [
      ...['http/**', 'openapi/**', 'modules/X/*', 'modules/*/{guard,schema}', publicFiles, '/docs/*.md'],
      ...['#web', '#typebox'],
    ],
    never: ['modules/X/{repo,table}'],
    instead: [
      sql,
      parts,
      ['server/**', 'routes act as the caller; pass the actor of the request'],
      ['modules/*/*', "routes call services only; call a function of '{service}'"],
      ['**', 'routes contain no logic; move it to the service'],
    ],
  },
  {
    files: 'modules/*/guard',
    may: ['core/**', 'http/**', 'modules/X/*', publicFiles, '#web'],
    never: ['modules/X/{repo,table,routes}'],
    instead: [sql, parts, verbs, ['**', 'a guard calls services only; move the logic to a service']],
  },
  {
    files: 'modules/*/service',
    may: [
      'core/**',
      'postgres/{announce,transaction,database-errors}',
      'modules/X/*',
      publicFiles,
      '#library',
      '#tokens',
    ],
    never: ['modules/X/{table,schema,routes,guard}'],
    instead: [
      ['modules/X/table', 'only the repo uses the table; call a function of ./repo'],
      sql,
      parts,
      verbs,
      ['server/**', 'a service acts as its caller; pass the actor that it was given'],
      ['#web', 'a service must not depend on HTTP; take and return plain values'],
      ['#database', 'only the repo contains SQL; call a function of ./repo'],
      ['**', 'a service contains rules only; take the value from deps'],
    ],
  },
  {
    // A file with one topic, such as jwt-codec or liveness. The folder with its name holds the implementation.
    files: 'modules/*/{*,*/*}',
    may: [
      ...['core/**', 'postgres/{announce,transaction,database-errors}', 'modules/X/{*,Y/*}', publicFiles],
      ...['#builtin', '#library', '#tokens', '#typebox'],
    ],
    never: ['modules/X/{table,routes,guard}'],
    instead: [
      ['modules/X/table', 'only the repo uses the table; call a function of ./repo'],
      sql,
      parts,
      [
        'modules/X/{routes,guard}',
        'routes and guards are the outermost layer; move the shared code to the service',
      ],
      verbs,
      ['#web', 'only routes, guards and schemas depend on HTTP; take and return plain values'],
      ['#database', 'only the repo contains SQL; call a function of ./repo'],
      ['**', 'this file must not depend on other layers; take the value from deps'],
    ],
  },
  {
    files: 'server/**',
    may: ['**'],
    never: ['build/**', 'cli/**', 'modules/*/*/*', '/test/**'],
    instead: [
      tools,
      ['cli/**', 'the command line starts the server; take the value as an argument'],
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

/** Explains why `file` (relative to `src`) must not import `specifier`, with advice. Returns null if it may. */
export function judgeImport(file: string, specifier: string): string | null {
  const path = file.replace(/\.ts$/, '')
  const row = importLaw.find((candidate) => matches(candidate.files, path))
  if (!row) return `src/${file}: the import law has no row for this file; move it to a folder that has one`
  const [, own = '', folder = ''] = path.match(/^modules\/([^/]+)\/([^/]+)/) ?? []
  const targets = specifier.startsWith('.') ? [localName(path, specifier)] : layersOf(specifier)
  const expand = (pattern: string) => pattern.replace('/X/', `/${own}/`).replace('Y/', `${folder}/`)
  const isCovered = (patterns: readonly string[]) =>
    patterns.some((pattern) => targets.some((target) => matches(expand(pattern), target)))
  if (isCovered(row.may) && !isCovered(row.never ?? [])) return null
  const [, advice = ''] = row.instead.find(([target]) => isCovered([target])) ?? []
  return `src/${file} must not import '${specifier}': ${advice.replace('{service}', serviceFor(path, targets[0]))}`
}

/** The specifier by which `path` imports the service of the module that contains `target`. */
function serviceFor(path: string, target = ''): string {
  const [, module = ''] = target.split('/')
  const relativePath = posix.relative(posix.dirname(path), `modules/${module}/service`)
  return relativePath.startsWith('.') ? relativePath : `./${relativePath}`
}

/** Resolves `../users/repo` in `modules/auth/service` to `modules/users/repo`. A path outside `src` starts with `/`. */
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
