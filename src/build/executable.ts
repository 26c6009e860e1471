import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeAssets } from '../embedded/build-assets'
import { commitOf } from './git-commit'
import { fileNameFor, type Target } from './targets'

const root = join(import.meta.dir, '../..')
const dist = join(root, 'dist')

/** Writes the executable into `dist` and returns its path; `null` builds for this machine. Throws the error of Bun. */
export async function buildExecutable(target: Target | null): Promise<string> {
  mkdirSync(dist, { recursive: true })
  const scratch = mkdtempSync(join(dist, '.build-'))
  try {
    const assets = await makeAssets(join(scratch, 'assets'))
    const made = await compile({ dir: scratch, target, assets, runtime: null })
    const finished = join(dist, fileNameFor(target))
    // A rename keeps the old file for a service that runs from it, and never shows an incomplete new one.
    renameSync(made.path, finished)
    return finished
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

type Parts = {
  dir: string
  target: Target | null
  assets: string[]
  /** The Bun to embed; `null` is this one, or the one that Bun downloads for another target. */
  runtime: string | null
}

/** An executable, and the locations of the packages in it: `a/b` is `node_modules/a/node_modules/b`. */
type Compiled = { path: string; packages: Set<string> }

/** Compiles the service into `dir`. Throws the error of Bun. */
export async function compile({ dir, target, assets, runtime }: Parts): Promise<Compiled> {
  // The executable contains this name, so it is the same for every target.
  const path = join(dir, 'fastkit')
  const commit = commitOf(root)
  const { metafile } = await Bun.build({
    root: join(root, 'src'),
    entrypoints: [join(root, 'src/main.ts'), join(root, 'src/embedded/database-worker.ts')],
    format: 'esm',
    metafile: true,
    // Bytecode halves the time to start.
    bytecode: true,
    // See docs/workarounds.md#elysia-minified-handlers.
    minify: { syntax: true, identifiers: false, whitespace: false },
    define: {
      // See docs/workarounds.md#elysia-node-env.
      'process.env.NODE_ENV': '"production"',
      // See docs/workarounds.md#bun-compile-dirname.
      __dirname: '"/"',
      ...(commit !== null && { FASTKIT_COMMIT: JSON.stringify(commit) }),
    },
    compile: {
      outfile: path,
      assets,
      ...(target && { target }),
      ...(runtime !== null && { executablePath: runtime }),
      // Files in the working directory must not configure the service. See docs/workarounds.md#bun-compile-autoload.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  })
  return { path, packages: packagesIn(Object.keys(metafile?.inputs ?? {})) }
}

const packagesIn = (files: string[]) =>
  new Set(
    files.flatMap((file) => {
      const levels = [...file.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)/g)].map(([, name]) => name)
      return levels.length > 0 ? [levels.join('/')] : []
    }),
  )
