import { posix } from 'node:path'

/** What a file may import at run time. The first row whose `files` matches decides; no row, no place for the file. */
type Row = { files: string; may: readonly string[]; never?: readonly string[] }

/** Packages that have a layer of their own; every other package is `#library`. */
const layers: Record<string, readonly string[]> = {
  '#builtin': ['bun', 'bun:*', 'node:*'],
  '#web': ['elysia', '@elysiajs/*'],
  '#tokens': ['@elysiajs/jwt', 'jose'],
  '#typebox': ['@sinclair/typebox'],
  '#database': ['drizzle-orm', 'postgres', '@electric-sql/*'],
}

// What a module offers to the others: its service, and rules that have grown out of one into a file of their own.
const verbs = 'modules/*/{service,refresh,user-password}'

/**
 * Paths are relative to `src`, without `.ts`. `X` is the file's own module, `*` any module, `Y` in it the folder that the
 * file is in or that has its name, `#name` a layer of packages, `/…` a file of the repository outside `src`.
 */
const importLaw: readonly Row[] = [
  { files: 'main', may: ['cli/*', '#builtin', '#library'] },
  { files: 'app', may: ['http/**', 'openapi/**', 'modules/*/routes', '#web'] },
  { files: 'deps', may: [] },
  { files: 'core/**', may: ['core/**', '#builtin', '#library', '#typebox'] },
  {
    files: 'postgres/**',
    may: ['core/**', 'postgres/**', '/drizzle/**', '#builtin', '#library', '#typebox', '#database'],
  },
  {
    files: 'embedded/**',
    may: ['core/**', 'embedded/**', 'postgres/**', '#builtin', '#library', '#database'],
  },
  {
    files: 'backup/**',
    may: ['core/**', 'backup/**', 'postgres/**', '#builtin', '#library', '#typebox', '#database'],
  },
  {
    files: 'http/**',
    may: ['core/**', 'http/**', '#builtin', '#library', '#web', '#typebox'],
  },
  {
    files: 'openapi/**',
    may: ['core/**', 'http/**', 'openapi/**', '/package.json', '#builtin', '#library', '#web', '#typebox'],
  },
  {
    files: 'telemetry/**',
    may: ['core/**', 'telemetry/**', 'modules/*/service', '#builtin', '#library'],
  },
  { files: 'modules/*/table', may: ['core/roles', 'postgres/columns', 'modules/*/table', '#database'] },
  {
    files: 'modules/*/{schema,messages}',
    may: ['core/roles', 'http/{schemas,pagination-schemas}', 'modules/*/schema', '#web', '#typebox'],
  },
  { files: 'modules/*/repo', may: ['postgres/**', 'modules/*/table', '#database'] },
  {
    files: 'modules/*/routes',
    may: ['http/**', 'openapi/**', 'modules/X/*', 'modules/*/{guard,schema}', verbs, '#web', '#typebox'],
    never: ['modules/X/{repo,table}'],
  },
  {
    files: 'modules/*/guard',
    may: ['core/**', 'http/**', 'modules/X/*', verbs, '#web'],
    never: ['modules/X/{repo,table,routes}'],
  },
  {
    files: 'modules/*/service',
    may: [
      'core/**',
      'postgres/{announce,transaction,database-errors}',
      'modules/X/*',
      verbs,
      '#library',
      '#tokens',
    ],
    never: ['modules/X/{table,schema,routes,guard}'],
  },
  {
    // A file named for its one idea: jwt-codec, liveness … The folder of its name is how it works.
    files: 'modules/*/{*,*/*}',
    may: [
      ...['core/**', 'postgres/{announce,transaction,database-errors}', 'modules/X/{*,Y/*}', verbs],
      ...['#builtin', '#library', '#tokens', '#typebox'],
    ],
    never: ['modules/X/{table,routes,guard}'],
  },
  { files: 'server/**', may: ['**'], never: ['build/**', 'cli/**', 'modules/*/*/*', '/test/**'] },
  { files: 'cli/**', may: ['**'], never: ['build/**', 'modules/*/*/*', '/test/**'] },
  { files: 'build/**', may: ['**'], never: ['modules/*/*/*', '/test/**'] },
]

/** Why `file` (relative to `src`: `modules/users/repo.ts`) must not import `specifier`; null when it may. */
export function judgeImport(file: string, specifier: string): string | null {
  const path = file.replace(/\.ts$/, '')
  const row = importLaw.find((candidate) => matches(candidate.files, path))
  if (!row) return `src/${file}: no row of the import law names such a file`
  const [, own = '', folder = ''] = path.match(/^modules\/([^/]+)\/([^/]+)/) ?? []
  const targets = specifier.startsWith('.') ? [localName(path, specifier)] : layersOf(specifier)
  const about = (pattern: string) => pattern.replace('/X/', `/${own}/`).replace('Y/', `${folder}/`)
  const isCovered = (patterns: readonly string[]) =>
    patterns.some((pattern) => targets.some((target) => matches(about(pattern), target)))
  const isAllowed = isCovered(row.may) && !isCovered(row.never ?? [])
  return isAllowed ? null : `src/${file}: must not import '${specifier}'`
}

/** `../users/repo` seen from `modules/auth/service` is `modules/users/repo`; what leaves `src` starts with a slash. */
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
