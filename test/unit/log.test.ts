import { describe, expect, test } from 'bun:test'
import { createLog } from '../../src/core/log'
import { prettyFormat } from '../../src/core/log-format'

async function logged(fields: object) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  // The wider type allows secret fields, which no real event has.
  const log: { info(fields: object, event: string): void } = createLog({
    level: 'info',
    format: 'json',
    destination,
  })
  log.info(fields, 'test.event')
  expect(lines).toHaveLength(1)
  const { level, time, ...rest } = JSON.parse(lines.join())
  return rest
}

test('a line has its event and its fields', async () => {
  const at = new Date('2026-01-31T12:00:00Z')
  const fields = { userId: 'u', count: 2, isOn: false, none: null, list: ['a', { b: 1 }], deep: { at } }
  const written = { ...fields, deep: { at: at.toISOString() }, event: 'test.event' }
  expect(await logged({ ...fields, gone: undefined })).toEqual(written)
})

test.each(['password', 'current_password', 'refresh_token', 'authorization', 'email', 'parameters', 'query'])(
  'the value of %s is redacted at any depth',
  async (name) => {
    const secret = { [name]: 'hunter2' }
    const lines = await Promise.all(
      [secret, { a: secret }, { a: { b: secret } }, { a: { b: { c: secret } } }, { list: [[secret]] }].map(
        logged,
      ),
    )
    expect(JSON.stringify(lines)).not.toContain('hunter2')
    expect(lines[0]).toEqual({ [name]: '[redacted]', event: 'test.event' })
  },
)

test('an error keeps its type, code and stack, and loses properties of libraries', async () => {
  const cause = Object.assign(new Error('key (email)=(hunter2)'), { code: '23505', detail: 'hunter2' })
  cause.name = 'PostgresError'
  Object.setPrototypeOf(cause, class PostgresError extends Error {}.prototype)
  const err = Object.assign(new Error('ours', { cause }), { query: 'hunter2', parameters: ['hunter2'] })
  const line = await logged({ err, requestId: 'r' })
  expect(JSON.stringify(line)).not.toContain('hunter2')
  expect(line).toMatchObject({
    requestId: 'r',
    err: { type: 'Error', message: 'ours', cause: { code: '23505' } },
  })
})

test('an error under another name is redacted too', async () => {
  const reason = Object.assign(new Error('ours'), { parameters: ['hunter2'], query: 'hunter2' })
  expect(JSON.stringify(await logged({ reason, list: [reason], a: { reason } }))).not.toContain('hunter2')
})

describe('a level', () => {
  const all = ['debug', 'info', 'warn', 'error', 'fatal']

  test.each([
    ['trace', all],
    ['debug', all],
    ['info', all.slice(1)],
    ['warn', all.slice(2)],
    ['error', all.slice(3)],
    ['fatal', all.slice(4)],
    ['silent', []],
  ] as const)('of %s writes %j', (level, expected) => {
    const lines: string[] = []
    let flushes = 0
    const destination = { write: (line: string) => void lines.push(line), flushSync: () => void flushes++ }
    const log = createLog({ level, format: 'json', destination })
    log.debug({ table: 'sessions', rows: 1 }, 'cleanup.deleted')
    log.info('service.stopped')
    log.warn({ lines: 1 }, 'log.dropped')
    log.error('service.stop_timed_out')
    expect(flushes).toBe(0)
    log.fatal({ reason: 'broken', err: null }, 'service.failed')
    expect(flushes).toBe(expected.length > 0 ? 1 : 0)
    const numbers: Record<string, number> = { debug: 20, info: 30, warn: 40, error: 50, fatal: 60 }
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(expected.map((name) => numbers[name]))
  })
})

test('a line is JSON: level and time come first, then fields, trace id and event', () => {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  let traceId: string | null = null
  const log = createLog({ level: 'info', format: 'json', destination, traceId: () => traceId })
  log.info('service.stopped')
  traceId = '0af7651916cd43dd8448eb211c80319c'
  log.info({ delayMs: 1 }, 'service.stopping')
  expect(lines.map((line) => line.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/, 'TIME'))).toEqual([
    '{"level":30,"time":"TIME","event":"service.stopped"}\n',
    `{"level":30,"time":"TIME","delayMs":1,"trace_id":"${traceId}","event":"service.stopping"}\n`,
  ])
})

describe('a line in the pretty format', () => {
  const esc = '\x1b'

  test('has the local time, the level, the event and its fields', () => {
    const format = prettyFormat(false)
    expect(format('warn', { lines: 3 }, 'log.dropped')).toMatch(
      /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: log\.dropped \{"lines":3\}\n$/,
    )
    expect(format('info', {}, 'service.stopped')).toEndWith('] INFO: service.stopped\n')
    expect(format('info', { token: 'hunter2' }, 'service.stopped')).toEndWith(' {"token":"[redacted]"}\n')
  })

  test('has colors at a terminal', () => {
    const format = prettyFormat(true)
    expect(format('info', { lines: 3 }, 'log.dropped')).toEndWith(
      `] ${esc}[32mINFO${esc}[0m: ${esc}[36mlog.dropped${esc}[0m${esc}[90m {"lines":3}${esc}[0m\n`,
    )
    expect(format('info', {}, 'service.stopped')).toEndWith(`: ${esc}[36mservice.stopped${esc}[0m\n`)
  })
})
