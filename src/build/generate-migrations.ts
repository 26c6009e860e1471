import { Glob } from 'bun'

// bun run db:generate NAME: writes a migration for the changed tables, and the list of migrations that is embedded.
// See docs/workarounds.md#drizzle-migrate.

const name = parseName(process.argv.slice(2))
const { exitCode } = await Bun.$`drizzle-kit generate --name=${name}`.nothrow()
if (exitCode !== 0) process.exit(exitCode)
await writeList()

function parseName(args: string[]): string {
  const [name = ''] = args
  // The name becomes part of a file name and of a name in the database.
  if (args.length === 1 && /^[a-z][a-z0-9_]*$/.test(name)) return name
  console.error('usage: bun run db:generate NAME, such as add_notes')
  process.exit(2)
}

async function writeList() {
  const files = [...new Glob('*.sql').scanSync('drizzle')].sort()
  const imports = files.map(
    (file, at) => `import sql${at} from '../../drizzle/${file}' with { type: 'text' }`,
  )
  const entries = files.map((file, at) => `  { name: '${file.replace(/\.sql$/, '')}', sql: sql${at} },`)
  await Bun.write(
    'src/postgres/migrations.ts',
    `// Made by \`bun run db:generate\`.
${imports.join('\n')}

export type Migration = { name: string; sql: string }

/** Every migration, oldest first. */
export const migrations: Migration[] = [
${entries.join('\n')}
]
`,
  )
}
