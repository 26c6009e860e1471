import { type StaticDecode, type TSchema, Type } from '@sinclair/typebox'
import ipaddr from 'ipaddr.js'
import { durationPattern, milliseconds } from './duration'
import { normaliseEmail } from './email'

/** Every environment variable: kind, default and one line of meaning. `.env.example` and the README follow it. */
export const Settings = Type.Object({
  HOST: text('127.0.0.1', 'Listen address.'),
  PORT: whole('3000', [0, 65_535], 'Listen port; 0 takes a free one.'),
  DATABASE_URL: secret(
    url(
      ['postgres:', 'postgresql:'],
      'Address of PostgreSQL 14 or newer. Unset: embedded database in DATA_DIR.',
    ),
  ),
  DATA_DIR: text(
    './data',
    'Directory of the embedded database and the generated keys. One process at a time.',
  ),
  DB_POOL_SIZE: whole('10', [1, 500], 'Maximum number of connections to PostgreSQL.'),
  DB_STATEMENT_TIMEOUT: duration('5s', '1d', 'Maximum time of one SQL statement.'),
  EMBEDDED_FSYNC: choice(
    ['on', 'off'],
    'on',
    'off: a power cut may lose commits of the embedded database (for tests).',
  ),
  JWT_SECRET: secret(
    keys(
      'Comma-separated keys, each of at least 32 bytes. The first signs, all verify. Required with DATABASE_URL.',
    ),
  ),
  JWT_ISSUER: text('fastkit', 'The iss claim of every token.'),
  JWT_AUDIENCE: text('fastkit', 'The aud claim of every token.'),
  ACCESS_TOKEN_TTL: duration('15m', '3650d', 'Lifetime of an access token.'),
  REFRESH_TOKEN_TTL: duration('7d', '3650d', 'Lifetime of each refresh token.'),
  SESSION_TTL: duration('30d', '3650d', 'Maximum lifetime of a session.'),
  REFRESH_GRACE: duration('10s', '3650d', 'Time in which a repeated refresh gets the same successor.'),
  PASSWORD_MIN_LENGTH: whole('8', [8, 128], 'Minimum length of a password, in characters.'),
  ARGON2_MEMORY_KIB: whole('19456', [8, 4_194_304], 'Memory of argon2id, in KiB.'),
  ARGON2_TIME: whole('2', [1, 100], 'Number of passes of argon2id.'),
  CORS_ORIGINS: list(
    isOrigin,
    'exact origins such as https://app.example.com',
    'Comma-separated origins whose pages may call the API from a browser.',
  ),
  TRUSTED_PROXIES: list(
    ipaddr.isValidCIDR,
    'CIDR ranges such as 10.0.0.0/8',
    'Comma-separated CIDR ranges of proxies whose X-Forwarded-For is trusted.',
  ),
  RATE_LIMIT: choice(['on', 'off'], 'on', 'off: no rate limits (for load tests).'),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Lowest level that is logged.',
  ),
  LOG_FORMAT: Type.Union([Type.Literal('json'), Type.Literal('pretty'), Type.Null()], {
    default: null,
    expects: 'one of json, pretty',
    meaning: 'json or pretty. Unset: pretty if standard output is a terminal, else json.',
  }),
  METRICS_PORT: wholeOrNone(
    [0, 65_535],
    'Port of `/metrics` for Prometheus, without authentication; 0 takes a free one. Unset: no metrics.',
  ),
  METRICS_HOST: optional('Listen address of `/metrics`. Unset: the address in HOST.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: webUrl(
    'Address of an OpenTelemetry collector. Traces go to /v1/traces below it, as OTLP over HTTP. Unset: no traces.',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    list(
      isHeader,
      'headers such as api-key=abc',
      'Comma-separated headers for the collector, such as api-key=abc.',
    ),
  ),
  OTEL_SERVICE_NAME: text('fastkit', 'Name of the service in traces.'),
  OTEL_TRACES_SAMPLER: choice(
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    'parentbased_always_on',
    'Traces that are sampled. parentbased: the decision of the caller comes first.',
  ),
  OTEL_TRACES_SAMPLER_ARG: share('1', 'Ratio of traces that traceidratio samples, from 0 to 1.'),
  SHUTDOWN_DELAY: duration(
    '2s',
    '1d',
    'Time to serve on after SIGTERM, with 503 at /readyz. At most half of SHUTDOWN_TIMEOUT is used.',
  ),
  SHUTDOWN_TIMEOUT: duration('20s', '1d', 'Maximum time from SIGTERM to the end of the process.'),
  DOCS: choice(['on', 'off'], 'on', 'off: /docs does not exist.'),
  PUBLIC_URL: webUrl('Address that clients use. Links contain it. It is never taken from a request.'),
  BOOTSTRAP_ADMIN_EMAIL: email(
    'E-mail address of the first admin. A start creates it if there is no admin at all.',
  ),
  BOOTSTRAP_ADMIN_PASSWORD: secret(optional('Password of the first admin.')),
})
export type Settings = StaticDecode<typeof Settings>
export type SettingName = keyof Settings

function text(fallback: string, meaning: string) {
  return Type.String({
    default: fallback,
    minLength: 1,
    maxLength: 1024,
    expects: 'text of 1 to 1024 characters',
    meaning,
  })
}

function secret<T extends TSchema>(schema: T): T {
  return { ...schema, isSecret: true }
}

function whole(fallback: string, [least, most]: [number, number], meaning: string) {
  return Type.Transform(
    Type.String({ default: fallback, expects: `a whole number from ${least} to ${most}`, meaning }),
  )
    .Decode((given) => {
      const value = Number(given)
      if (!/^\d{1,10}$/.test(given) || value < least || value > most) throw new Error('out of range')
      return value
    })
    .Encode(String)
}

function wholeOrNone([least, most]: [number, number], meaning: string) {
  const { default: _, expects, ...number } = whole('', [least, most], meaning)
  return Type.Union([number, Type.Null()], { default: null, expects, meaning })
}

function share(fallback: string, meaning: string) {
  return Type.Transform(Type.String({ default: fallback, expects: 'a number from 0 to 1', meaning }))
    .Decode((given) => {
      if (!/^(0|1|[01]?\.\d{1,6})$/.test(given) || Number(given) > 1) throw new Error('out of range')
      return Number(given)
    })
    .Encode(String)
}

/**
 * A duration; decodes to milliseconds. It has an end since a timer of more than 24 days fires at once, and a token that
 * lives for millions of years has no date to end on.
 */
function duration(fallback: string, longest: string, meaning: string) {
  return Type.Transform(
    Type.String({
      default: fallback,
      pattern: durationPattern.source,
      expects: `a duration such as 500ms, 10s, 15m, 12h or 7d, at most ${longest}`,
      meaning,
    }),
  )
    .Decode((given) => {
      const value = milliseconds(given)
      if (value > milliseconds(longest)) throw new Error('out of range')
      return value
    })
    .Encode((value) => `${value}ms`)
}

function choice<const T extends string[]>(options: T, fallback: T[number], meaning: string) {
  return Type.Union(
    options.map((option: T[number]) => Type.Literal(option)),
    { default: fallback, expects: `one of ${options.join(', ')}`, meaning },
  )
}

function list(isItem: (item: string) => boolean, expects: string, meaning: string) {
  return Type.Transform(Type.String({ default: '', expects: `comma-separated ${expects}`, meaning }))
    .Decode((given) => {
      const items = split(given)
      if (!items.every(isItem)) throw new Error('malformed item')
      return items
    })
    .Encode((items) => items.join(','))
}

function url(protocols: string[], meaning: string) {
  const expects = `an address that starts with ${protocols.join('// or ')}//`
  return address(({ protocol }) => protocols.includes(protocol), expects, meaning)
}

/** Without a password, as what is no secret is printed by `fastkit config`. */
function webUrl(meaning: string) {
  const isFine = ({ protocol, username, password }: URL) =>
    /^https?:$/.test(protocol) && username === '' && password === ''
  return address(
    isFine,
    'an address that starts with http:// or https://, without a user or password',
    meaning,
  )
}

function address(isFine: (parsed: URL) => boolean, expects: string, meaning: string) {
  const Address = Type.Transform(Type.String())
    .Decode((given) => {
      const parsed = URL.parse(given)
      if (!parsed || !isFine(parsed)) throw new Error('malformed address')
      return given
    })
    .Encode((given) => given)
  return Type.Union([Address, Type.Null()], { default: null, expects, meaning })
}

function email(meaning: string) {
  const Address = Type.Transform(Type.String())
    .Decode((given) => {
      if (!normaliseEmail(given)) throw new Error('malformed address')
      return given
    })
    .Encode((given) => given)
  return Type.Union([Address, Type.Null()], { default: null, expects: 'an ASCII e-mail address', meaning })
}

function optional(meaning: string) {
  return Type.Union([Type.String(), Type.Null()], { default: null, expects: 'text', meaning })
}

function keys(meaning: string) {
  const Keys = Type.Transform(Type.String())
    .Decode((given) => {
      const entries = split(given)
      const areLong = entries.length > 0 && entries.every((entry) => Buffer.byteLength(entry) >= 32)
      if (!areLong) throw new Error('short key')
      return entries
    })
    .Encode((entries) => entries.join(','))
  return Type.Union([Keys, Type.Null()], {
    default: null,
    expects: 'comma-separated keys, each of at least 32 bytes',
    meaning,
  })
}

const split = (given: string) =>
  given
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

function isOrigin(item: string) {
  const parsed = URL.parse(item)
  const isExact = parsed?.origin === item && !item.includes('*')
  return isExact && /^https?:$/.test(parsed.protocol)
}

/** A name and a value that is percent-encoded, as OpenTelemetry has it in its variables. */
function isHeader(item: string) {
  const [, value] = /^[!#$%&'*+.^_`|~\w-]+=(.+)$/.exec(item) ?? []
  try {
    return value !== undefined && decodeURIComponent(value) !== ''
  } catch {
    return false
  }
}
