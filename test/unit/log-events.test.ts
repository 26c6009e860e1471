import { describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { createLog } from '../../src/core/log'
import { logEvents } from '../../src/core/log-events'

const root = join(import.meta.dir, '../..')

describe('docs/operations.md', () => {
  test('has every log event in its table, with its levels and fields, and no other', async () => {
    const [, section = ''] = (await Bun.file(join(root, 'docs/operations.md')).text()).split('\n## Logs\n')
    const rows = section.split('\n## ')[0]?.match(/^\| `.*$/gm) ?? []
    const documented = rows.map((row) => {
      const [event = '', level = '', fields = '', meaning = '', action = ''] = row
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim())
      const isExplained = meaning !== '' && action !== ''
      return { event, level: level.split(', '), fields: quoted(fields), isExplained }
    })
    const known = Object.entries(logEvents).map(([event, { level, fields }]) => {
      return { event: `\`${event}\``, level: [level].flat(), fields: [...fields], isExplained: true }
    })
    expect(documented).toEqual(known)
  })
})

test('every event of the table is logged somewhere', async () => {
  const paths = await Array.fromAsync(new Bun.Glob('**/*.ts').scan({ cwd: join(root, 'src') }))
  const sources = await Promise.all(
    paths
      .filter((path) => path !== 'core/log-events.ts')
      .map((path) => Bun.file(join(root, 'src', path)).text()),
  )
  const text = sources.join('\n')
  expect(Object.keys(logEvents).filter((event) => !text.includes(`'${event}'`))).toEqual([])
})

test('an unknown event, a wrong level and a field that is not listed, missing or of another type do not compile', () => {
  const log = createLog({ level: 'silent', format: 'json' })
  log.info({ url: 'http://127.0.0.1' }, 'metrics.listening')
  log.info('service.stopped')
  log.error({ err: null }, 'keys.reload_failed')
  // @ts-expect-error an unknown event
  log.info('service.resumed')
  // @ts-expect-error an unknown event
  log.info({ url: 'http://127.0.0.1' }, 'metrics.heard')
  // @ts-expect-error a wrong level
  log.warn('service.stopped')
  // @ts-expect-error a wrong level
  log.debug({ url: 'http://127.0.0.1' }, 'metrics.listening')
  // @ts-expect-error a field that is not listed
  log.info({ url: 'http://127.0.0.1', port: 9464 }, 'metrics.listening')
  // @ts-expect-error a field that is not listed
  log.info({ userId: null }, 'service.stopped')
  // @ts-expect-error a field is missing
  log.info({}, 'metrics.listening')
  // @ts-expect-error all fields are missing
  log.info('metrics.listening')
  // @ts-expect-error a field of another type
  log.info({ url: 9464 }, 'metrics.listening')
  expect(Object.keys(log)).toEqual(['debug', 'info', 'warn', 'error', 'fatal'])
})

const quoted = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
