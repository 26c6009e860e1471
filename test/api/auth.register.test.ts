import { describe, expect, test } from 'bun:test'
import { aPassword } from '../support/client'
import { useService } from '../support/service'

const service = useService()

// As text: weak passwords are words that may well stand in the log, and are no secrets to look for there.
const post = (fields: Record<string, unknown>) =>
  service.call('POST /api/v1/auth/register', {
    body: JSON.stringify({ email: service.newEmail(), password: aPassword, ...fields }),
  })
const countUsers = async () => (await service.sql`select count(*)::int as n from users`)[0]?.['n']
const outcome = ({ status, body }: Awaited<ReturnType<typeof post>>) => [
  status,
  body.code,
  body.errors?.[0]?.pointer,
]

describe('POST /api/v1/auth/register', () => {
  test('answers 201 with the user, where it is, and nothing of the password', async () => {
    const { status, headers, body, text } = await post({ email: 'Ada@Example.com', display_name: 'Ada' })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      email: 'Ada@Example.com',
      display_name: 'Ada',
      role: 'user',
      is_active: true,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      updated_at: body.created_at,
    })
    expect(headers.get('location')).toBe(`/api/v1/users/${body.id}`)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(text).not.toMatch(/argon|hash|password/)
    const [row] = await service.sql`select password_hash from users where id = ${body.id}`
    expect(row?.['password_hash']).toStartWith('$argon2id$v=19$m=64,t=1,p=1$')
  })

  test('50 at once with one address leave one row and 49 refusals', async () => {
    const email = service.newEmail()
    const spellings = [email, email.toUpperCase(), ` ${email}`, `${email}\t`]
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) => post({ email: spellings[at % spellings.length] })),
    )
    const taken = answers.filter(({ status }) => status !== 201)
    expect(taken.map(outcome)).toEqual(Array(49).fill([409, 'email_taken', undefined]))
    expect(await service.sql`select 1 from users where email_normalised = ${email}`).toHaveLength(1)
  })

  test.each([
    ['role', 'admin'],
    ['is_active', true],
    ['id', '0199b2f4-6c1e-7d52-a3a8-2f4d6f1c9b10'],
    ['password_hash', '$argon2id$v=19$m=64,t=1,p=1$x$y'],
    ['email_normalised', 'root@example.com'],
    ['created_at', '2020-01-01T00:00:00.000Z'],
    ['constructor', {}],
  ])('the unknown field %s is refused and nothing is made', async (field, value) => {
    const before = await countUsers()
    expect(outcome(await post({ [field]: value }))).toEqual([422, 'validation_failed', `/${field}`])
    expect(await countUsers()).toBe(before)
  })
})

describe('e-mail address of a new account', () => {
  test('is kept as given without spaces around it, and found in any case', async () => {
    const email = service.newEmail()
    const { body } = await post({ email: `  ${email.toUpperCase()}\n` })
    expect(body.email).toBe(email.toUpperCase())
    expect(await service.signIn({ email: ` ${email} `, password: aPassword })).toHaveProperty('access_token')
  })

  const local64 = 'l'.repeat(64)
  const of = (length: number) => `${local64}@${'d'.repeat(61)}.${'d'.repeat(61)}.`.padEnd(length - 4, 'e')
  test.each([
    [`${of(254)}.com`, 254],
    ['first.last+tag@xn--mnchen-3ya.example', 37],
    ["o'brien_%{x}@a-b.co", 19],
    ['a@b.xn--p1ai', 12],
  ])('%s is taken', async (email, length) => {
    expect(email).toHaveLength(length)
    expect((await post({ email })).status).toBe(201)
  })

  test.each([
    ['empty', ''],
    ['spaces', '   '],
    ['no @', 'ada.example.com'],
    ['no local part', '@example.com'],
    ['no domain', 'ada@'],
    ['no dot in the domain', 'ada@localhost'],
    ['two @', 'ada@b@example.com'],
    ['leading dot', '.ada@example.com'],
    ['trailing dot in the local part', 'ada.@example.com'],
    ['two dots', 'a..da@example.com'],
    ['quoted local part', '"ada"@example.com'],
    ['space inside', 'a da@example.com'],
    ['line break inside', 'ada@example.com\nbcc:b@example.com'],
    ['name and angle brackets', 'Ada <ada@example.com>'],
    ['list', 'ada@example.com,bob@example.com'],
    ['Kelvin sign', '\u212Aate@example.com'],
    ['Cyrillic letter', 'аda@example.com'],
    ['international domain', 'ada@münchen.example'],
    ['full-width', 'ada@ｅxample.com'],
    ['no-break space around it', '\u00A0ada@example.com'],
    ['zero-width space', 'ad\u200Ba@example.com'],
    ['label that starts with a hyphen', 'ada@-example.com'],
    ['label that ends with a hyphen', 'ada@example-.com'],
    ['empty label', 'ada@example..com'],
    ['dot at the end', 'ada@example.com.'],
    ['address literal', 'ada@[127.0.0.1]'],
    ['IPv4 address', 'ada@127.0.0.1'],
    ['one-letter top level', 'ada@example.c'],
    ['local part of 65', `${'l'.repeat(65)}@example.com`],
    ['label of 64', `ada@${'d'.repeat(64)}.com`],
    ['255 characters', `${of(255)}.com`],
    ['10,000 characters', `${'a'.repeat(10_000)}@example.com`],
    ['number', 7],
    ['list of one', ['ada@example.com']],
    ['null', null],
  ])('%s is refused', async (_, email) => {
    const before = await countUsers()
    expect(outcome(await post({ email }))).toEqual([422, 'validation_failed', '/email'])
    expect(await countUsers()).toBe(before)
  })
})

describe('display name of a new account', () => {
  test.each([
    ['emoji', '👩‍🚀'],
    ['100 characters', 'x'.repeat(100)],
    ['right-to-left', 'עדה'],
    ['markup, which is only text', '<b>Ada</b>'],
    ['null', null],
  ])('%s comes back as sent', async (_, display_name) => {
    expect((await post({ display_name })).body.display_name).toBe(display_name)
  })

  test.each([
    ['empty', ''],
    ['101 characters', 'x'.repeat(101)],
    ['line break', 'Ada\nLovelace'],
    ['NUL', 'Ada\0'],
    ['lone surrogate', 'Ada\uD800'],
    ['C1 control', 'Ada\u0085'],
    ['number', 1],
    ['object', { $ne: null }],
  ])('%s is refused', async (_, display_name) => {
    expect(outcome(await post({ display_name }))).toEqual([422, 'validation_failed', '/display_name'])
  })
})
