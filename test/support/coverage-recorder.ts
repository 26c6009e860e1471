import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'

// Preloaded by `bun test` and by child processes when COVERAGE_DIR is set. The coverage of Bun 1.4.5 leaves out child
// processes: NODE_V8_COVERAGE writes nothing, and `v8.takeCoverage` is not implemented.

const source = new URL('../../src/', import.meta.url).href
const dir = Bun.env['COVERAGE_DIR']
if (dir) await startRecording(dir)

async function startRecording(dir: string) {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const write = () => writeFileSync(join(dir, `${randomUUID()}.json`), JSON.stringify(take(session)))
  if (Bun.env['NODE_ENV'] !== 'test') return process.on('exit', write)
  const { afterAll } = await import('bun:test')
  return afterAll(write)
}

/** The ranges of each file of `src` that ran. The session calls back synchronously. */
function take(session: Session) {
  const post: (method: string) => unknown = session.post.bind(session)
  const answer = post('Profiler.takePreciseCoverage')
  const isScript = ({ url }: Script) => url.startsWith(source) && url.endsWith('.ts')
  return scriptsIn(answer)
    .filter(isScript)
    .map(({ url, functions }) => ({
      path: url.slice(source.length),
      functions: functions.map(({ ranges }) => ranges),
    }))
}

type Range = { startOffset: number; endOffset: number; count: number }
type Script = { url: string; functions: { ranges: Range[] }[] }

/** Guarantee: the result has the shape of the V8 protocol. */
const scriptsIn = (answer: unknown): Script[] => (answer as { result: Script[] }).result
