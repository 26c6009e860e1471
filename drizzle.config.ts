import { defineConfig } from 'drizzle-kit'

// Offline: only `generate` is used. fastkit applies migrations itself, from the list in src/postgres/migrations.ts.
export default defineConfig({
  dialect: 'postgresql',
  schema: './src/modules/*/table.ts',
  out: './drizzle',
  strict: true,
})
