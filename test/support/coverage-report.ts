import { join } from 'node:path'
import { parseSync } from 'oxc-parser'

// bun test/support/coverage-report.ts DIR prints the coverage of src from the files of coverage-recorder.ts in DIR.
// It leaves out the database worker, because Bun preloads nothing into a worker.

type Range = { startOffset: number; endOffset: number; count: number }
type Recorded = { path: string; functions: Range[][] }
/** `ran` has a byte for each character of the transpiled text. Functions are identified by their start. */
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

/** The possible outputs of the transpiler: Bun joins adjacent declarations, but not always those at the top. */
function transpiled(path: string, text: string): string[] {
  const statements = parseSync(path, text).program.body.map(({ start, end }) => text.slice(start, end))
  return [transpiler.transformSync(text), statements.map((part) => transpiler.transformSync(part)).join('')]
}

/** Adds the ranges that ran in one process. */
function add(file: Coverage | undefined, functions: Range[][]) {
  if (!file) return
  const ran = paint(functions.flat())
  if (file.ran.length !== ran.length) file.ran = new Uint8Array(ran.length)
  file.ran = file.ran.map((before, at) => before | (ran[at] ?? 0))
  // The first function is the module itself.
  for (const [range] of functions.filter(([range]) => range && range.startOffset > 0)) {
    if (!range) continue
    const hasRun = file.functions.get(range.startOffset) ?? false
    file.functions.set(range.startOffset, hasRun || range.count > 0)
  }
}

/** A character ran if the innermost range around it ran. */
function paint(ranges: Range[]): Uint8Array {
  const ran = new Uint8Array(Math.max(...ranges.map(({ endOffset }) => endOffset)))
  const outerFirst = ranges.toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset)
  for (const { startOffset, endOffset, count } of outerFirst)
    ran.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  return ran
}

/**
 * For each line of code whether it ran. Types, comments and lines of brackets alone do not count. `null` when the text
 * that ran is unknown.
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
    `coverage of src: ${percent(known).toFixed(1)} % of ${known.length} lines (${unknown} files could not be matched),`,
    `${percent(functions).toFixed(1)} % of ${functions.length} functions, by ${recordings.length} recordings`,
  ]
}

function percent(parts: boolean[]): number {
  return (parts.filter(Boolean).length / parts.length) * 100
}
