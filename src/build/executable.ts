import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeAssets } from '../db/embedded/build'
import { fileNameFor, type Target } from './targets'

const root = join(import.meta.dir, '../..')
const dist = join(root, 'dist')

/** Writes the executable into `dist` and answers its path; `null` builds for this machine. Throws with what Bun says. */
export async function buildExecutable(target: Target | null): Promise<string> {
  mkdirSync(dist, { recursive: true })
  const scratch = mkdtempSync(join(dist, '.build-'))
  try {
    // The name lies inside the executable, so it is the same for every target.
    const made = join(scratch, 'fastkit')
    await compile(made, { target, assets: await makeAssets(join(scratch, 'assets')) })
    const finished = join(dist, fileNameFor(target))
    // By rename: a service that runs from the old file keeps it, and nobody ever sees half of the new one.
    renameSync(made, finished)
    return finished
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

type Parts = { target: Target | null; assets: string[] }

async function compile(outfile: string, { target, assets }: Parts) {
  await Bun.build({
    root: join(root, 'src'),
    entrypoints: [join(root, 'src/main.ts'), join(root, 'src/db/embedded/database-worker.ts')],
    format: 'esm',
    // Halves the time to start.
    bytecode: true,
    // Elysia reads the source of handlers: shorter names or lost white space would hide from it what they use.
    minify: { syntax: true, identifiers: false, whitespace: false },
    define: {
      'process.env.NODE_ENV': '"production"',
      // CommonJS packages would carry the path of this machine's node_modules; nothing reads files beside them.
      __dirname: '"/"',
    },
    compile: {
      outfile,
      assets,
      ...(target && { target }),
      // A file that happens to lie in the working directory must not configure the service, let alone preload code.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  })
}
