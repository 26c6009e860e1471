import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Settings } from '../../src/core/environment-variables'
import { createClient } from '../support/client'
import { serverUrl } from '../support/database'
import { eventually } from '../support/eventually'
import { createOperator, type Place } from '../support/operator'

const { emptyDir, fastkit, serve, listen, clear } = createOperator()
const mark = 'tell-tale'
setDefaultTimeout(120_000)
afterAll(clear)

/** A valid value with the mark for each secret. Nothing listens at the address. */
const secrets: Record<string, string> = {
  DATABASE_URL: `postgres://${mark}:${mark}-password@127.0.0.1:9/${mark}`,
  JWT_SECRET: `${mark}-${'k'.repeat(32)}`,
  OTEL_EXPORTER_OTLP_HEADERS: `authorization=${mark}`,
  BOOTSTRAP_ADMIN_PASSWORD: `${mark} of a long password`,
}
const others = { BOOTSTRAP_ADMIN_EMAIL: 'ada@example.com', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' }
const bad = {
  DATABASE_URL: `mysql://${mark}:${mark}@db/${mark}`,
  JWT_SECRET: mark,
  OTEL_EXPORTER_OTLP_HEADERS: `${mark} ${mark}`,
  BOOTSTRAP_ADMIN_PASSWORD: `${mark.slice(0, 4)}`,
  PUBLIC_URL: `${mark}://${mark}`,
  PORT: mark,
}

/** Puts the values into files, so that the environment contains only paths. */
function inFiles(cwd: string, values: Record<string, string>) {
  const entries = Object.entries(values).map(([name, value]) => {
    const path = join(cwd, name.toLowerCase())
    writeFileSync(path, value, { mode: 0o600 })
    return [`${name}_FILE`, path]
  })
  return Object.fromEntries(entries)
}

const { DATABASE_URL, ...embedded } = secrets
const wrongPassword = () => {
  const url = new URL(serverUrl ?? 'postgres://127.0.0.1')
  url.password = mark
  return { ...secrets, DATABASE_URL: url.href }
}
const ways: [string, (cwd: string) => Record<string, string>][] = [
  ['the environment', () => ({ ...secrets, ...others })],
  ['files', (cwd) => ({ ...inFiles(cwd, secrets), ...others })],
  ['both at once', (cwd) => ({ ...inFiles(cwd, secrets), ...secrets, ...others })],
  ['values that are refused', () => bad],
  ['files that are refused', (cwd) => inFiles(cwd, bad)],
  ['an embedded database', () => ({ ...embedded, ...others })],
  ...(serverUrl
    ? [['a wrong password', wrongPassword] satisfies [string, () => Record<string, string>]]
    : []),
]

const commands: { args: string[]; input?: string }[] = [
  { args: ['migrate'] },
  { args: ['user', 'list'] },
  {
    args: ['user', 'create', '--email', 'grace@example.com', '--password-stdin'],
    input: `${mark} is what it is\n`,
  },
  {
    args: ['user', 'create', '--email', 'ida@example.com', '--password-stdin'],
    input: `${mark.slice(0, 4)}\n`,
  },
  { args: ['user', 'set-password', '--email', 'no@example.com', '--password-stdin'], input: `${mark}\n` },
  { args: ['user', 'create', '--email', 'eve@example.com', `--password=${mark}`] },
  { args: ['serve', `--token=${mark}`] },
  { args: ['backup', '/proc/none/file'] },
  { args: ['restore', '/proc/none/file'] },
  { args: ['migrate-to', `postgres://a:${mark}@127.0.0.1:9/b`] },
  { args: ['migrate-to', `mysql://a:${mark}@127.0.0.1:9/b`] },
  { args: ['openapi'] },
  { args: ['health'] },
  { args: ['config'] },
  { args: ['version'] },
]

test('every secret of the table is covered', () => {
  const names = Object.entries(Settings.properties).flatMap(([name, it]) => ('isSecret' in it ? [name] : []))
  expect(Object.keys(secrets)).toEqual(names)
})

describe.each(ways)('with secrets from %s', (_, environment) => {
  test('no command prints one, on success or failure', async () => {
    const cwd = emptyDir()
    const place: Place = { cwd, env: environment(cwd) }
    for (const { args, input } of commands) {
      const { stdout, stderr } = await fastkit(place, args, input)
      const said = stdout + stderr
      expect([args[0], said.length > 0, said.includes(mark)]).toEqual([args[0], true, false])
    }
  })
})

describe('a running service', () => {
  test('shows none in its log, responses and command line, and, from files, in its environment', async () => {
    const cwd = emptyDir()
    const env = { ...inFiles(cwd, embedded), ...others, METRICS_PORT: '0' }
    const { url, pid, lines, end } = await serve({ cwd, env })
    const { enter, me } = createClient(url)
    const { access_token } = await enter()
    await me(access_token)
    writeFileSync(join(cwd, 'jwt_secret'), mark)
    process.kill(pid, 'SIGHUP')
    await eventually(() => lines.find(({ event }) => event === 'keys.reload_failed'))
    const metrics = lines.find(({ event }) => event === 'metrics.listening')
    const shown = [`${url}/readyz`, `${url}/docs/openapi.json`, `${url}/nowhere`, String(metrics?.['url'])]
    for (const address of shown) {
      const text = await (await fetch(address)).text()
      expect([address, text.length > 0, text.includes(mark)]).toEqual([address, true, false])
    }
    for (const file of ['cmdline', 'environ', 'comm'])
      expect(readFileSync(`/proc/${pid}/${file}`, 'latin1')).not.toContain(mark)
    expect(await end('SIGTERM')).toBe(0)
    expect(JSON.stringify(lines)).not.toContain(mark)
    expect(readdirSync(cwd).filter((name) => name.startsWith('core'))).toEqual([])
  })

  test('shows none while its database is down', async () => {
    const { lines, end } = await listen({ cwd: emptyDir(), env: { ...secrets, ...others } })
    await eventually(() => lines.filter(({ event }) => event === 'database.unavailable')[2])
    await end('SIGTERM')
    expect(JSON.stringify(lines)).not.toContain(mark)
  })
})
