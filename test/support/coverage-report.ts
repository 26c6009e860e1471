import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

// bun test/support/coverage-report.ts DIR: how much of src ran, by what coverage-recorder.ts wrote to DIR.
// The database worker is not in it: Bun preloads nothing into a worker.

type Range = { startOffset: number; endOffset: number; count: number }
type Recorded = { path: string; functions: Range[][] }
/** `ran` has a byte for each character that Bun runs. Functions are known by where they start. */
type Coverage = { path: string; texts: string[]; ran: Uint8Array; functions: Map<number, boolean> }

const lowPercent = 70
const source = join(import.meta.dir, '../../src')
const transpiler = new Bun.Transpiler({ loader: 'ts', target: 'bun' })
const [dir = '.'] = Bun.argv.slice(2)

const files = await sourceFiles()
const recordings = await Array.fromAsync(new Bun.Glob('*.json').scan({ cwd: dir, absolute: true }))
for (const recording of recordings) {
  const recorded: Recorded[] = await Bun.file(recording).json()
  for (const { path, functions } of recorded) add(files.get(path), functions)
}
process.stdout.write(`${report([...files.values()]).join('\n')}\n`)

async function sourceFiles(): Promise<Map<string, Coverage>> {
  const paths = await Array.fromAsync(new Bun.Glob('**/*.ts').scan({ cwd: source }))
  const read = paths
    .filter((path) => !path.endsWith('.d.ts'))
    .map(async (path) => {
      const texts = transpiled(path, await Bun.file(join(source, path)).text())
      return [
        path,
        { path, texts, ran: new Uint8Array(texts[0]?.length ?? 0), functions: new Map() },
      ] as const
    })
  return new Map(await Promise.all(read))
}

/** What Bun may make of a file: it joins the declarations next to each other, not always those at the top. */
function transpiled(path: string, text: string): string[] {
  const statements = parseSync(path, text).program.body.map(({ start, end }) => text.slice(start, end))
  return [transpiler.transformSync(text), statements.map((part) => transpiler.transformSync(part)).join('')]
}

/** Adds what ran in one process. */
function add(file: Coverage | undefined, functions: Range[][]) {
  if (!file) return
  const ran = paint(functions.flat())
  if (file.ran.length !== ran.length) file.ran = new Uint8Array(ran.length)
  file.ran = file.ran.map((before, at) => before | (ran[at] ?? 0))
  // The first is the module itself.
  for (const [range] of functions.filter(([range]) => range && range.startOffset > 0)) {
    if (!range) continue
    const hasRun = file.functions.get(range.startOffset) ?? false
    file.functions.set(range.startOffset, hasRun || range.count > 0)
  }
}

/** The innermost range around a character says whether it ran. */
function paint(ranges: Range[]): Uint8Array {
  const ran = new Uint8Array(Math.max(...ranges.map(({ endOffset }) => endOffset)))
  const outerFirst = ranges.toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  for (const { startOffset, endOffset, count } of outerFirst)
    ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return ran
}

/**
 * Which lines ran, of the code without types and comments; one of brackets alone is none. `null` when the text that ran
 * is not known.
 */
function linesOf({ texts, ran }: Coverage): boolean[] | null {
  const text = texts.find((text) => text.length === ran.length)
  if (text === undefined) return null
  const lines = [...text.matchAll(/^[ \t]*(?=\S*.*\w)(\S).*$/gm)]
  return lines.map((line) => ran[line.index + line[0].search(/\S/)] === 1)
}

function report(all: Coverage[]): string[] {
  const lines = all.map((file) => ({ path: file.path, ran: linesOf(file) }))
  const known = lines.flatMap(({ ran }) => ran ?? [])
  const low = lines
    .filter(({ ran }) => ran && percent(ran) < lowPercent)
    .toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const functions = all.flatMap((file) => [...file.functions.values()])
  const unknown = lines.filter(({ ran }) => ran === null).length
  return [
    ...low.map(
      ({ path, ran }) =>
        `${percent(ran ?? [])
          .toFixed(0)
          .padStart(3)} % of the lines of src/${path}`,
    ),
    `coverage of src: ${percent(known).toFixed(1)} % of ${known.length} lines (${unknown} files could not be told),`,
    `${percent(functions).toFixed(1)} % of ${functions.length} functions, by ${recordings.length} recordings`,
  ]
}

function percent(parts: boolean[]): number {
  return (parts.filter(Boolean).length / parts.length) * 100
}
