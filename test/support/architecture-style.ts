import { parseSync } from 'oxc-parser'
import { judgeImport } from './architecture-law'

type Node = { type: string; start: number; end: number }
type Rule = {
  name: string
  except?: readonly string[]
  breaks: (node: Node, parents: readonly Node[]) => boolean
}

/** Rules that Biome does not have, and rules that no suppression comment may switch off in `src`. */
const rules: readonly Rule[] = [
  { name: 'default export', breaks: (node) => node.type === 'ExportDefaultDeclaration' },
  { name: 'export * (a barrel)', breaks: (node) => node.type === 'ExportAllDeclaration' },
  { name: 'any', breaks: (node) => node.type === 'TSAnyKeyword' },
  { name: 'non-null !', breaks: (node) => node.type === 'TSNonNullExpression' },
  {
    name: 'reads the environment',
    except: ['src/core/config.ts', 'src/{cli,build}/*.ts'],
    breaks: readsEnvironment,
  },
  // See docs/workarounds.md#bun-stdout-istty.
  { name: 'reads isTTY of a stream', breaks: readsIsTty },
  {
    // The system actor has every right, so code that requests reach must not create one.
    name: 'acts as the system',
    except: ['src/server/as-system.ts'],
    breaks: (node) =>
      node.type === 'Property' &&
      nameOf(part(node, 'key')) === 'kind' &&
      nameOf(part(node, 'value')) === 'system',
  },
  {
    name: 'has side effects when imported',
    except: ['src/main.ts', 'src/build/*.ts', 'src/**/*-worker.ts', 'src/cli/production.ts'],
    breaks: hasSideEffects,
  },
]

/** Every rule that a file of `src` breaks, as `path:line rule`. */
export function judgeSource(path: string, source: string): string[] {
  const { program, comments, module } = parseSync(path, source)
  const lineOf = (offset: number) => source.slice(0, offset).split('\n').length
  const commentEnds = new Set(comments.map((comment) => lineOf(comment.end)))
  const found: string[] = []
  const report = (offset: number, rule: string) => found.push(`${path}:${lineOf(offset)} ${rule}`)

  const applicable = rules.filter((rule) => !rule.except?.some((glob) => new Bun.Glob(glob).match(path)))
  walk(program, [], (node, parents) => {
    for (const rule of applicable) if (rule.breaks(node, parents)) report(node.start, rule.name)
    if (isCast(node) && !isGuaranteed(node, parents)) report(node.start, 'cast without its guarantee above')
  })
  for (const comment of comments) {
    if (/\b(TODO|FIXME|XXX|HACK)\b/.test(comment.value)) report(comment.start, 'unfinished work')
  }
  for (const problem of judgeImports(path, source, module.staticImports)) found.push(problem)
  if (path.endsWith('/index.ts')) found.push(`${path} is named like a barrel`)
  return found

  function isGuaranteed(node: Node, parents: readonly Node[]): boolean {
    return guaranteePositions(node, parents).some((place) => commentEnds.has(lineOf(place.start) - 1))
  }
}

/** Runtime imports must obey the law, and type imports of `core`, `http` and `openapi` too. */
function judgeImports(
  path: string,
  source: string,
  staticImports: { moduleRequest: { value: string } }[],
): string[] {
  const file = path.replace(/^src\//, '')
  const atRunTime = new Bun.Transpiler({ loader: 'ts' }).scanImports(source).map((found) => found.path)
  const ofTypes = /^(core|http|openapi)\//.test(file)
    ? staticImports.map((found) => found.moduleRequest.value)
    : []
  return [...new Set([...atRunTime, ...ofTypes])].flatMap((specifier) => judgeImport(file, specifier) ?? [])
}

/** Finds `.skip`, `.only` and `.todo` in a test. `skipIf` is allowed, because it states its condition. */
export function judgeTest(path: string, source: string): string[] {
  const found: string[] = []
  walk(parseSync(path, source).program, [], (node) => {
    const [text, parked] =
      source.slice(node.start, node.end).match(/^(?:test|it|describe)\.(skip|only|todo)$/) ?? []
    if (text) found.push(`${path}:${source.slice(0, node.start).split('\n').length} .${parked}`)
  })
  return found
}

function readsEnvironment(node: Node): boolean {
  const hasEnvironment = (value: unknown) =>
    ['process', 'Bun'].includes(nameOf(value)) || nameOf(value) === 'meta'
  if (node.type === 'MemberExpression') {
    return hasEnvironment(part(node, 'object')) && nameOf(part(node, 'property')) === 'env'
  }
  if (node.type === 'ImportSpecifier') return nameOf(part(node, 'imported')) === 'env'
  if (node.type !== 'VariableDeclarator' || !hasEnvironment(part(node, 'init'))) return false
  return children(part(node, 'id')).some((property) => nameOf(part(property, 'key')) === 'env')
}

function readsIsTty(node: Node): boolean {
  const isPart = node.type === 'MemberExpression' || node.type === 'Property'
  return isPart && [part(node, 'property'), part(node, 'key')].some((name) => nameOf(name) === 'isTTY')
}

/** Finds top-level statements, imports for side effects and `await` outside a function. */
function hasSideEffects(node: Node, parents: readonly Node[]): boolean {
  const isTopLevel = parents.length === 1
  if (node.type === 'ImportDeclaration') return children(node).every((part) => part.type === 'Literal')
  if (node.type === 'AwaitExpression') return !parents.some((parent) => /Function/.test(parent.type))
  const runs = /^(Expression|If|Try|Switch|Block|For\w*|While|DoWhile|Throw)Statement$/.test(node.type)
  return isTopLevel && runs
}

const isCast = (node: Node) =>
  node.type === 'TSTypeAssertion' ||
  (node.type === 'TSAsExpression' && nameOf(children(part(node, 'typeAnnotation'))[0]) !== 'const')

/** The nodes that the comment may stand above: the cast, its statement, or a function of this one statement. */
function guaranteePositions(cast: Node, parents: readonly Node[]): Node[] {
  const isStatement = ({ type }: Node) => /(Statement|Declaration)$/.test(type) && type !== 'BlockStatement'
  const at = parents.findLastIndex(isStatement)
  const block = parents[at - 1]
  const isWholeFunction = block?.type === 'BlockStatement' && children(block).length === 1
  return [cast, parents[at], isWholeFunction ? parents[at - 2] : undefined].filter(
    (place) => place !== undefined,
  )
}

function walk(
  node: Node,
  parents: readonly Node[],
  visit: (node: Node, parents: readonly Node[]) => void,
): void {
  visit(node, parents)
  const line = [...parents, node]
  for (const child of children(node)) walk(child, line, visit)
}

function children(value: unknown): Node[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flat().filter(isNode)
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value

const part = (node: Node, key: string): unknown => Reflect.get(node, key)

/** The name of an identifier, the text of a literal, or ''. */
function nameOf(value: unknown): string {
  if (!isNode(value)) return ''
  if (value.type === 'MetaProperty') return 'meta'
  return String(part(value, 'name') ?? part(value, 'value') ?? '')
}
