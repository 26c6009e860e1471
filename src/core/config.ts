import { isatty } from 'node:tty'
import { Value } from '@sinclair/typebox/value'
import { normaliseEmail } from './email'
import { type SettingName, Settings } from './environment-variables'
import { passwordProblem } from './password'
import { isOpenToAll, readSecretFile, rereadSecretFile } from './secret-file'

export type Environment = Record<string, string | undefined>

/** The source of a value: a variable, the file that `NAME_FILE` names, or the default. */
type Source = 'environment' | 'file' | 'default'
type Given = { value: string | null; source: Source }

/** The settings that the service runs with. */
export type Config = ReturnType<typeof configOf>

/** The configuration is unusable. `problems` names every bad variable and never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: string[]

  constructor(problems: string[]) {
    super(['Bad configuration:', ...problems].join('\n  '))
    this.problems = problems
  }
}

/** Reads the configuration from environment variables. Throws ConfigError with every problem at once. */
export function loadConfig(environment: Environment = Bun.env): Config {
  const problems: string[] = []
  const given = readSettings(environment, problems)
  for (const [name, { value }] of given) {
    const schema = Settings.properties[name]
    if (!decodes(schema, value)) problems.push(`${name} must be ${schema['expects']}`)
  }
  problems.push(...problemsBetween((name) => given.get(name)?.value ?? null))
  if (problems.length > 0) throw new ConfigError(problems)
  return configOf(
    Value.Decode(Settings, Object.fromEntries([...given].map(([name, { value }]) => [name, value]))),
  )
}

/** Translates variables into the names and units that the code uses. */
function configOf(values: Settings) {
  return {
    host: values.HOST,
    port: values.PORT,
    databaseUrl: values.DATABASE_URL,
    dataDir: values.DATA_DIR,
    dbPoolSize: values.DB_POOL_SIZE,
    dbStatementTimeoutMilliseconds: values.DB_STATEMENT_TIMEOUT,
    isEmbeddedDurable: values.EMBEDDED_FSYNC === 'on',
    jwtSecrets: values.JWT_SECRET,
    jwtIssuer: values.JWT_ISSUER,
    jwtAudience: values.JWT_AUDIENCE,
    accessTtlSeconds: values.ACCESS_TOKEN_TTL / 1000,
    refreshTtlSeconds: values.REFRESH_TOKEN_TTL / 1000,
    sessionTtlSeconds: values.SESSION_TTL / 1000,
    refreshGraceSeconds: values.REFRESH_GRACE / 1000,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    passwordCost: { memoryKib: values.ARGON2_MEMORY_KIB, time: values.ARGON2_TIME },
    corsOrigins: values.CORS_ORIGINS,
    trustedProxies: values.TRUSTED_PROXIES,
    hasRateLimit: values.RATE_LIMIT === 'on',
    logLevel: values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT ?? (isatty(1) ? 'pretty' : 'json'),
    metrics: metricsOf(values),
    tracing: tracingOf(values),
    shutdownDelayMilliseconds: values.SHUTDOWN_DELAY,
    shutdownTimeoutMilliseconds: values.SHUTDOWN_TIMEOUT,
    hasDocs: values.DOCS === 'on',
    publicUrl: values.PUBLIC_URL,
    firstAdmin: firstAdmin(values.BOOTSTRAP_ADMIN_EMAIL, values.BOOTSTRAP_ADMIN_PASSWORD),
  }
}

/** Reads the keys in `JWT_SECRET_FILE` again; `null` when the variable is unset. Throws ConfigError. */
export function rereadKeys(environment: Environment): string[] | null {
  const path = environment['JWT_SECRET_FILE']
  if (!path) return null
  const schema = Settings.properties.JWT_SECRET
  const problems: string[] = []
  const value = fromFile('JWT_SECRET', () => rereadSecretFile(path), problems)
  if (value !== null && !decodes(schema, value)) problems.push(`JWT_SECRET must be ${schema['expects']}`)
  if (problems.length > 0) throw new ConfigError(problems)
  return Value.Decode(schema, value)
}

/** Names the `…_FILE` variables whose file anyone on the machine may write to. */
export const secretsOpenToAll = (environment: Environment): string[] =>
  names
    .filter(isSecret)
    .map((name) => `${name}_FILE`)
    .filter((name) => isOpenToAll(environment[name] ?? ''))

/** The listen address of `/metrics`; `null` without METRICS_PORT. */
const metricsOf = ({ HOST, METRICS_HOST, METRICS_PORT: port }: Settings) =>
  port === null ? null : { hostname: METRICS_HOST ?? HOST, port }

/** The collector and the sampler of traces; `null` without an endpoint. */
function tracingOf(values: Settings) {
  if (values.OTEL_EXPORTER_OTLP_ENDPOINT === null) return null
  return {
    endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: values.OTEL_EXPORTER_OTLP_HEADERS,
    serviceName: values.OTEL_SERVICE_NAME,
    sampler: values.OTEL_TRACES_SAMPLER,
    samplerRatio: values.OTEL_TRACES_SAMPLER_ARG,
  }
}

/** Every setting with its value as text (secrets masked) and where it came from. Throws ConfigError. */
export function describeConfig(environment: Environment = Bun.env) {
  loadConfig(environment)
  return [...readSettings(environment, [])].map(([name, { value, source }]) => ({
    name,
    value: value && isSecret(name) ? '********' : (value ?? ''),
    source,
  }))
}

/** Finds problems between values that are valid on their own. */
function problemsBetween(textOf: (name: SettingName) => string | null): string[] {
  const problems: string[] = []
  if (textOf('DATABASE_URL') && !textOf('JWT_SECRET'))
    problems.push('JWT_SECRET is required when DATABASE_URL is set; `fastkit secret` prints a fresh key')
  const isShared = Number(textOf('PORT')) > 0 && textOf('METRICS_PORT') === textOf('PORT')
  if (isShared && textOf('METRICS_HOST') === null) problems.push('METRICS_PORT must differ from PORT')
  const email = textOf('BOOTSTRAP_ADMIN_EMAIL')
  const password = textOf('BOOTSTRAP_ADMIN_PASSWORD')
  if ((email === null) !== (password === null))
    problems.push('BOOTSTRAP_ADMIN_EMAIL and BOOTSTRAP_ADMIN_PASSWORD must be set together')
  if (email === null || password === null) return problems
  const weakness = passwordProblem(
    password,
    normaliseEmail(email) ?? '',
    Number(textOf('PASSWORD_MIN_LENGTH')),
  )
  return weakness ? [...problems, `BOOTSTRAP_ADMIN_PASSWORD ${weakness}`] : problems
}

const firstAdmin = (email: string | null, password: string | null) =>
  email !== null && password !== null ? { email, password } : null

const names = Object.keys(Settings.properties).filter(
  (name): name is SettingName => name in Settings.properties,
)
const isSecret = (name: SettingName) => Settings.properties[name]['isSecret'] === true

function readSettings(environment: Environment, problems: string[]): Map<SettingName, Given> {
  return new Map(names.map((name) => [name, readSetting(name, environment, problems)]))
}

/** An empty variable counts as unset: compose files and unit files pass "" for "not set". */
function readSetting(name: SettingName, environment: Environment, problems: string[]): Given {
  const value = environment[name]
  const path = isSecret(name) ? environment[`${name}_FILE`] : undefined
  if (value && path) problems.push(`${name} and ${name}_FILE are both set`)
  if (value) return { value, source: 'environment' }
  if (!path) return { value: Settings.properties[name].default ?? null, source: 'default' }
  return { value: fromFile(name, () => readSecretFile(path), problems), source: 'file' }
}

function fromFile(name: SettingName, read: () => string, problems: string[]): string | null {
  try {
    return read()
  } catch (error) {
    problems.push(`${name}_FILE ${error instanceof Error ? error.message : 'cannot be read'}`)
    return null
  }
}

function decodes(schema: (typeof Settings.properties)[SettingName], value: string | null) {
  try {
    Value.Decode(schema, value)
    return true
  } catch {
    return false
  }
}
