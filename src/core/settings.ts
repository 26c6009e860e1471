import { type StaticDecode, type TSchema, Type } from '@sinclair/typebox'
import ipaddr from 'ipaddr.js'
import { durationPattern, milliseconds } from './duration'
import { normaliseEmail } from './email'

/** Every environment variable: kind, default and one line of meaning. `.env.example` and the README follow it. */
export const Settings = Type.Object({
  HOST: text('127.0.0.1', 'Listen address.'),
  PORT: whole('3000', [0, 65_535], 'Listen port; 0 takes a free one.'),
  DATABASE_URL: secret(
    url(['postgres:', 'postgresql:'], 'PostgreSQL 14 or newer. Unset: embedded database in DATA_DIR.'),
  ),
  DATA_DIR: text('./data', 'Embedded database and generated keys; one process at a time.'),
  DB_POOL_SIZE: whole('10', [1, 500], 'Connections to PostgreSQL.'),
  DB_STATEMENT_TIMEOUT: duration('5s', '1d', 'Longest time one statement may take.'),
  EMBEDDED_FSYNC: choice(['on', 'off'], 'on', 'off: embedded commits may be lost on power loss (for tests).'),
  JWT_SECRET: secret(
    keys(
      'Comma-separated keys, 32 bytes or more each; the first signs, all verify. Required with DATABASE_URL.',
    ),
  ),
  JWT_ISSUER: text('fastkit', 'iss of every token.'),
  JWT_AUDIENCE: text('fastkit', 'aud of every token.'),
  ACCESS_TOKEN_TTL: duration('15m', '3650d', 'Life of an access token.'),
  REFRESH_TOKEN_TTL: duration('7d', '3650d', 'Life of each refresh token.'),
  SESSION_TTL: duration('30d', '3650d', 'Absolute end of a session.'),
  REFRESH_GRACE: duration('10s', '3650d', 'A repeated refresh within it gets the same successor.'),
  PASSWORD_MIN_LENGTH: whole('8', [8, 128], 'Shortest password, in characters.'),
  ARGON2_MEMORY_KIB: whole('19456', [8, 4_194_304], 'argon2id memory in KiB.'),
  ARGON2_TIME: whole('2', [1, 100], 'argon2id passes.'),
  CORS_ORIGINS: list(
    isOrigin,
    'exact origins such as https://app.example.com',
    'Origins that browsers may call from, comma-separated.',
  ),
  TRUSTED_PROXIES: list(
    ipaddr.isValidCIDR,
    'CIDR ranges such as 10.0.0.0/8',
    'Proxies whose X-Forwarded-For is believed, comma-separated CIDR ranges.',
  ),
  RATE_LIMIT: choice(['on', 'off'], 'on', 'off: no limits on how often (for load tests).'),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'Least severe level that is logged.',
  ),
  LOG_FORMAT: Type.Union([Type.Literal('json'), Type.Literal('pretty'), Type.Null()], {
    default: null,
    expects: 'one of json, pretty',
    meaning: 'json or pretty. Unset: pretty when standard output is a terminal.',
  }),
  METRICS_PORT: wholeOrNone(
    [0, 65_535],
    'Port of `/metrics` for Prometheus, which needs no token; 0 takes a free one. Unset: none.',
  ),
  METRICS_HOST: optional('Listen address of `/metrics`. Unset: that of HOST.'),
  OTEL_EXPORTER_OTLP_ENDPOINT: webUrl(
    'OpenTelemetry collector that takes traces as OTLP over HTTP, at /v1/traces below it. Unset: no traces.',
  ),
  OTEL_EXPORTER_OTLP_HEADERS: secret(
    list(isHeader, 'headers such as api-key=abc', 'Headers for the collector, such as api-key=abc.'),
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
    'Which traces are kept; parentbased: those whose caller keeps them too.',
  ),
  OTEL_TRACES_SAMPLER_ARG: share('1', 'Share of traces that traceidratio keeps, from 0 to 1.'),
  SHUTDOWN_DELAY: duration(
    '2s',
    '1d',
    'Time to serve on after SIGTERM while /readyz is 503; more than half of SHUTDOWN_TIMEOUT is cut to it.',
  ),
  SHUTDOWN_TIMEOUT: duration('20s', '1d', 'Longest time from SIGTERM to the end of the process.'),
  DOCS: choice(['on', 'off'], 'on', 'off: no /docs.'),
  PUBLIC_URL: webUrl('Address clients use, for links; never taken from a request.'),
  BOOTSTRAP_ADMIN_EMAIL: email('Address of the first admin, created at start if there is no admin at all.'),
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
    expects: 'comma-separated keys of 32 bytes or more each',
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
