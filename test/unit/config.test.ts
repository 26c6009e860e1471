import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ConfigError,
  describeConfig,
  type Environment,
  loadConfig,
  secretsOpenToAll,
} from '../../src/core/config'
import { Settings } from '../../src/core/environment-variables'

const home = mkdtempSync(join(tmpdir(), 'fastkit-config-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const file = (name: string, text: string | Uint8Array) => {
  writeFileSync(join(home, name), text)
  return join(home, name)
}
const longKey = 'k'.repeat(32)

function problemsOf(environment: Environment): string[] {
  try {
    loadConfig(environment)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems
  }
}
const namesOf = (environment: Environment) =>
  problemsOf(environment).map((problem) => problem.split(' ')[0] ?? '')

describe('configuration', () => {
  test('needs no variable: the defaults are those of the contract', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 3000,
      databaseUrl: null,
      dataDir: './data',
      dbPoolSize: 10,
      dbStatementTimeoutMilliseconds: 5000,
      isEmbeddedDurable: true,
      jwtSecrets: null,
      accessTtlSeconds: 900,
      refreshTtlSeconds: 604_800,
      sessionTtlSeconds: 2_592_000,
      refreshGraceSeconds: 10,
      passwordMinLength: 8,
      passwordCost: { memoryKib: 19_456, time: 2 },
      corsOrigins: [],
      trustedProxies: [],
      logLevel: 'info',
      shutdownDelayMilliseconds: 2000,
      shutdownTimeoutMilliseconds: 20_000,
      hasDocs: true,
      publicUrl: null,
    })
  })

  test('every variable has a default that it accepts itself', () => {
    const defaults = Object.entries(Settings.properties).map(([name, { default: value }]) => [
      name,
      value ?? undefined,
    ])
    expect(loadConfig(Object.fromEntries(defaults))).toEqual(loadConfig({}))
  })

  test('an empty variable is an unset one', () => {
    const empty = Object.fromEntries(
      Object.keys(Settings.properties).flatMap((name) => [
        [name, ''],
        [`${name}_FILE`, ''],
      ]),
    )
    expect(loadConfig(empty)).toEqual(loadConfig({}))
  })

  test('every problem is reported at once, by name and without its value', () => {
    const wrong = 'tell-tale-value'
    const names = Object.keys(Settings.properties).filter(
      (name) => !/^(HOST|METRICS_HOST|DATA_DIR|JWT_ISSUER|JWT_AUDIENCE|OTEL_SERVICE_NAME)$/.test(name),
    )
    const environment = Object.fromEntries(names.map((name) => [name, wrong]))
    // Every text is valid as a password until it is hashed.
    const refusedNames = names.filter((name) => name !== 'BOOTSTRAP_ADMIN_PASSWORD')
    expect(namesOf(environment).toSorted()).toEqual(refusedNames.toSorted())
    expect(String(new ConfigError(problemsOf(environment)))).not.toContain(wrong)
  })

  test('PostgreSQL needs a key, the embedded database generates one', () => {
    const DATABASE_URL = 'postgres://fastkit@db/fastkit'
    expect(namesOf({ DATABASE_URL })).toEqual(['JWT_SECRET'])
    expect(namesOf({ DATABASE_URL, JWT_SECRET: longKey })).toEqual([])
  })

  test('metrics need another port or address than the API', () => {
    expect(namesOf({ METRICS_PORT: '3000' })).toEqual(['METRICS_PORT'])
    expect(namesOf({ METRICS_PORT: '3000', METRICS_HOST: '10.0.0.1' })).toEqual([])
    expect(namesOf({ METRICS_PORT: '0', PORT: '0' })).toEqual([])
    expect(loadConfig({ HOST: '0.0.0.0', METRICS_PORT: '9090' })).toMatchObject({
      metrics: { hostname: '0.0.0.0', port: 9090 },
    })
    expect(loadConfig({}).metrics).toBeNull()
  })

  test.each<[string, string[], string[]]>([
    ['METRICS_PORT', ['0', '9090', '65535'], ['65536', '-1', 'on', '1e3']],
    ['PORT', ['0', '80', '65535'], ['65536', '-1', '1e3', '0x50', ' 80', '80 ', '3.5', 'NaN', '٣']],
    ['DB_POOL_SIZE', ['1', '500'], ['0', '501']],
    ['PASSWORD_MIN_LENGTH', ['8', '128'], ['7', '129']],
    [
      'ACCESS_TOKEN_TTL',
      ['1s', '15m', '7d'],
      ['0s', '15', '15 m', '-1m', '1.5h', '15M', '1w', 'm', '999999999d'],
    ],
    ['DB_STATEMENT_TIMEOUT', ['500ms', '1h'], ['0ms', '25d', '999999999ms']],
    ['SHUTDOWN_TIMEOUT', ['1ms', '1h'], ['25d']],
    [
      'JWT_SECRET',
      [longKey, `${longKey},${longKey}2`, '🦜'.repeat(8), ` ${longKey} , `],
      ['k'.repeat(31), `${longKey},short`, ',', ' '],
    ],
    ['DATABASE_URL', [], ['mysql://db', 'db', 'http://db', 'postgres']],
    [
      'PUBLIC_URL',
      ['https://api.example.com', 'http://localhost:3000'],
      ['api.example.com', 'javascript:alert(1)', '/', 'https://u:p@api.example.com'],
    ],
    [
      'CORS_ORIGINS',
      ['https://app.example.com', 'https://a.example, http://localhost:5173', 'http://[::1]:3000', ' , '],
      [
        '*',
        'null',
        'app.example.com',
        'https://app.example.com/',
        'https://APP.example.com',
        'https://*.example.com',
        'https://a.example:443',
        'https://u@a.example',
        'ftp://a.example',
        'https://a.example https://b.example',
      ],
    ],
    [
      'TRUSTED_PROXIES',
      ['10.0.0.0/8', '127.0.0.1/32, fd00::/8', '0.0.0.0/0'],
      ['10.0.0.1', '10.0.0.0/33', 'fd00::/129', '10.0.0/8/8', 'proxy', '*', '10.0.0.0/', '10.0.0.0/-1'],
    ],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      ['http://127.0.0.1:4318', 'https://traces.example.com/x'],
      ['collector:4318', 'https://key@traces.example.com', 'https://:key@traces.example.com'],
    ],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      ['api-key=abc', 'authorization=Basic%20abc==, x-tenant=one'],
      ['abc', '=abc', 'api key=abc', 'api-key=', 'api-key=%zz', 'api-key: abc'],
    ],
    ['OTEL_TRACES_SAMPLER', ['always_on', 'parentbased_traceidratio'], ['jaeger_remote', 'on']],
    ['OTEL_TRACES_SAMPLER_ARG', ['0', '1', '0.25', '.5', '1.0'], ['-1', '1.1', '2', '1e-3', 'half']],
    ['LOG_LEVEL', ['trace', 'silent'], ['INFO', 'verbose']],
    ['LOG_FORMAT', ['json', 'pretty'], ['text']],
    ['DOCS', ['on', 'off'], ['true', 'ON', '0']],
    ['EMBEDDED_FSYNC', ['on', 'off'], ['false']],
  ])('%s takes %j and refuses %j', (name, good, bad) => {
    for (const value of good) expect([value, ...problemsOf({ [name]: value })]).toEqual([value])
    for (const value of bad)
      expect([value, ...namesOf({ JWT_SECRET: longKey, [name]: value })]).toEqual([value, name])
  })
})

describe('secret from a file', () => {
  const good: Record<string, string> = {
    DATABASE_URL: 'postgres://fastkit:tell-tale@db/fastkit',
    JWT_SECRET: `${longKey}tell-tale`,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=tell-tale',
    BOOTSTRAP_ADMIN_PASSWORD: 'tell-tale of a long password',
  }
  const admin = { BOOTSTRAP_ADMIN_EMAIL: 'ada@example.com', BOOTSTRAP_ADMIN_PASSWORD: 'a long one, this' }
  const others = { JWT_SECRET: longKey, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', ...admin }
  const by = (name: string, path: string) => ({ ...others, [name]: undefined, [`${name}_FILE`]: path })

  const secrets = Object.entries(Settings.properties).flatMap(([name, schema]) =>
    'isSecret' in schema ? [name] : [],
  )

  test('exists for each variable that the table marks as secret', () => {
    expect(secrets).toEqual(Object.keys(good))
  })

  describe.each(secrets)('%s_FILE', (name) => {
    const value = good[name] ?? ''

    test.each(['', '\n', '\r\n', '\n\n'])('contains the value without %j at the end', (end) => {
      const path = file(`${name}-good`, `${value}${end}`)
      expect(JSON.stringify(loadConfig(by(name, path)))).toContain(`${JSON.stringify(value).slice(1, -1)}"`)
    })

    test.each([
      ['missing', () => join(home, 'missing'), 'cannot be read (ENOENT)'],
      ['below a file', () => join(file('plain', 'x'), 'below'), 'cannot be read (ENOTDIR)'],
      ['a directory', () => home, 'cannot be read (EISDIR)'],
      ['empty', () => file('empty', ''), 'is empty'],
      ['a line break', () => file('break', '\n'), 'is empty'],
      ['spaces', () => file('spaces', '  \n'), 'is empty'],
      ['bytes', () => file('bytes', Buffer.alloc(64, 0xff)), 'is not UTF-8 text'],
    ])('that is %s is named, and its content is not quoted', (_, path, problem) => {
      expect(problemsOf(by(name, path()))).toContain(`${name}_FILE ${problem}`)
      expect(problemsOf(by(name, path())).join()).not.toContain(home)
    })

    test('beside the variable itself is refused, even with the same value', () => {
      const path = file('both', value)
      expect(problemsOf({ ...by(name, path), [name]: value })).toContain(
        `${name} and ${name}_FILE are both set`,
      )
    })
  })

  test('keeps spaces, which may belong to a password', () => {
    const path = file('spaced', '  long enough, this one  \n')
    const { firstAdmin } = loadConfig(by('BOOTSTRAP_ADMIN_PASSWORD', path))
    expect(firstAdmin?.password).toBe('  long enough, this one  ')
  })

  test('may contain a key on each line', () => {
    const JWT_SECRET_FILE = file('lines', `${longKey}1,\n${longKey}2\n`)
    expect(loadConfig({ JWT_SECRET_FILE }).jwtSecrets).toEqual([`${longKey}1`, `${longKey}2`])
  })

  test('is ignored for variables that are not secret', () => {
    expect(loadConfig({ PORT_FILE: file('port', '80'), HOST_FILE: join(home, 'missing') }).port).toBe(3000)
  })

  test('that anyone may write to is reported by its variable', () => {
    const [open, closed] = [file('open', longKey), file('closed', longKey)]
    chmodSync(open, 0o666)
    chmodSync(closed, 0o640)
    expect(secretsOpenToAll({ JWT_SECRET_FILE: open, DATABASE_URL_FILE: closed })).toEqual([
      'JWT_SECRET_FILE',
    ])
  })
})

describe('printed configuration', () => {
  test('masks every secret and says where each value came from', () => {
    const printed = describeConfig({
      DATABASE_URL: 'postgres://fastkit:tell-tale@db/fastkit',
      JWT_SECRET_FILE: file('key', longKey),
      PORT: '8080',
    })
    const find = (name: string) => printed.find((setting) => setting.name === name)
    expect(find('DATABASE_URL')).toEqual({ name: 'DATABASE_URL', value: '********', source: 'environment' })
    expect(find('JWT_SECRET')).toEqual({ name: 'JWT_SECRET', value: '********', source: 'file' })
    const unset = { value: '', source: 'default' }
    expect(find('BOOTSTRAP_ADMIN_PASSWORD')).toMatchObject(unset)
    expect(find('OTEL_EXPORTER_OTLP_HEADERS')).toMatchObject(unset)
    expect(find('PORT')).toEqual({ name: 'PORT', value: '8080', source: 'environment' })
    expect(find('HOST')).toEqual({ name: 'HOST', value: '127.0.0.1', source: 'default' })
    expect(JSON.stringify(printed)).not.toMatch(/tell-tale|kkkk/)
  })
})
