import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'

// Preloaded by `bun test` and by the processes that tests start, when COVERAGE_DIR is set: Bun's own coverage ends with the
// process of the tests (Bun 1.4.5: NODE_V8_COVERAGE writes nothing, `v8.takeCoverage` is not implemented).

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

/** Of each file of `src` what ran: without a callback the session answers at once. */
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

/** The answer has the shape that the protocol of V8 gives it. */
const scriptsIn = (answer: unknown): Script[] => (answer as { result: Script[] }).result
