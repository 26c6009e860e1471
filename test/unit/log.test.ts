import { expect, test } from 'bun:test'
import { createLog } from '../../src/core/log'

async function logged(fields: object) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  // Any fields: those of real events hold nothing secret.
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
  'what is called %s is not written, however it is wrapped',
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

test('an error keeps its kind, code and place, and not what a library put on it', async () => {
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

test('an error under another name leaves nothing secret either', async () => {
  const reason = Object.assign(new Error('ours'), { parameters: ['hunter2'], query: 'hunter2' })
  expect(JSON.stringify(await logged({ reason, list: [reason], a: { reason } }))).not.toContain('hunter2')
})
