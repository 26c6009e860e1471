import { Glob } from 'bun'

// Rewrites src/db/migrations.ts from the folder that drizzle-kit fills, so that the executable holds every migration.
const files = [...new Glob('*.sql').scanSync('drizzle')].sort()
const imports = files.map((file, at) => `import sql${at} from '../../drizzle/${file}' with { type: 'text' }`)
const entries = files.map((file, at) => `  { name: '${file.replace(/\.sql$/, '')}', sql: sql${at} },`)

await Bun.write(
  'src/db/migrations.ts',
  `// Made by \`bun run db:generate\`.
${imports.join('\n')}

export type Migration = { name: string; sql: string }

/** Every migration, oldest first. */
export const migrations: Migration[] = [
${entries.join('\n')}
]
`,
)
