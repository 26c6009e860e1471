import { afterAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../src/core/config'
import { milliseconds } from '../../src/core/duration'
import { Settings } from '../../src/core/environment-variables'
import { maxBodyBytes } from '../../src/http/body'
import { pingSeconds, pongSeconds } from '../../src/modules/realtime/limits'
import { example, type Swap } from '../support/example'
import { repository } from '../support/executable'

const hasSystemd = existsSync('/usr/bin/systemd-analyze')
const silenceSeconds = pingSeconds + pongSeconds
const key = 'a-key-for-tests-that-is-long-enough-0123456789'

const scratch = mkdtempSync(join(tmpdir(), 'fastkit-deploy-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
const file = (name: string, text: string) => {
  const path = join(scratch, name)
  writeFileSync(path, text)
  return path
}
const secretFiles = () => [
  file('database_url', 'postgres://fastkit:PASSWORD@127.0.0.1/fastkit\n'),
  file('jwt_secret', key),
]

const settings = new Map<string, { default: string | null; isSecret?: boolean }>(
  Object.entries(Settings.properties).map(([name, schema]) => [
    name,
    { default: schema.default ?? null, isSecret: 'isSecret' in schema },
  ]),
)
const isVariable = (name: string) =>
  settings.has(name) || settings.get(name.replace(/_FILE$/, ''))?.isSecret === true

describe('docs/deploy.md', async () => {
  const prose = await Bun.file(join(repository, 'docs/deploy.md')).text()

  test('names variables that exist, with their defaults', () => {
    const named = [...prose.matchAll(/`(?:Environment=)?([A-Z][A-Z\d]*(?:_[A-Z\d]+)+)\b/g)].map(
      ([, name = '']) => name,
    )
    expect(named.length).toBeGreaterThan(10)
    expect(named.filter((name) => !isVariable(name))).toEqual([])
    const documented = [...prose.matchAll(/`([A-Z_]+)` \((\S+?)\)/g)]
    expect(documented.length).toBeGreaterThan(2)
    for (const [, name = '', value] of documented)
      expect([name, value]).toEqual([name, String(settings.get(name)?.default)])
  })

  test('links to files that exist, and to every file of docs/deploy', async () => {
    const linked = [...prose.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path = '']) => path)
    expect(linked.filter((path) => !existsSync(join(repository, 'docs', path)))).toEqual([])
    const files = await Array.fromAsync(new Bun.Glob('deploy/*').scan({ cwd: join(repository, 'docs') }))
    expect(files.filter((path) => !linked.includes(path))).toEqual([])
  })
})

describe('docs/deploy/fastkit.env', () => {
  test('is a configuration that fastkit accepts', async () => {
    const swaps: Swap[] = [['/etc/fastkit/', `${scratch}/`]]
    secretFiles()
    const path = file('fastkit.env', example('fastkit.env', swaps))
    const main = join(repository, 'src/main.ts')
    const { exitCode, stdout } = await Bun.$`${process.execPath} ${main} --env-file ${path} config`
      .env({})
      .nothrow()
      .quiet()
    expect(exitCode).toBe(0)
    expect(stdout.toString()).toMatch(/JWT_SECRET.*\n/)
  })
})

describe('docs/deploy/fastkit.service', () => {
  const unit = example('fastkit.service', [])

  test('waits longer than SHUTDOWN_TIMEOUT, and does not restart after a configuration error', () => {
    const stop = /^TimeoutStopSec=(\d+s)$/m.exec(unit)?.[1] ?? '0s'
    expect(milliseconds(stop)).toBeGreaterThan(milliseconds(settings.get('SHUTDOWN_TIMEOUT')?.default ?? ''))
    expect(unit).toContain('RestartPreventExitStatus=2 78\n')
  })

  test.skipIf(!hasSystemd && !Bun.env['CI'])('passes systemd-analyze verify and security', () => {
    const path = file('fastkit.service', unit.replace('/usr/local/bin/fastkit', process.execPath))
    const verified = Bun.spawnSync(['systemd-analyze', 'verify', path], { stderr: 'pipe' })
    expect(verified.stderr.toString()).toBe('')
    // The exposure is at most 15 of 100.
    const judge = ['systemd-analyze', 'security', '--offline=true', '--threshold=15', path]
    expect(Bun.spawnSync(judge).exitCode).toBe(0)
  })
})

describe('the proxies', () => {
  const nginx = example('nginx.conf', [])
  const directive = (name: string) =>
    [...nginx.matchAll(new RegExp(`\\b${name} (\\d+)`, 'g'))].map(([, n]) => Number(n))

  test('leave the refusal of large bodies to fastkit, and outlast its pings', () => {
    expect(directive('client_max_body_size')[0]).toBeGreaterThan(maxBodyBytes / 1024)
    expect(directive('proxy_read_timeout').at(-1)).toBeGreaterThan(silenceSeconds)
  })

  test('name variables that exist', () => {
    for (const name of ['nginx.conf', 'Caddyfile', 'fastkit.service', 'kubernetes.yaml']) {
      const named = [...example(name, []).matchAll(/\b[A-Z][A-Z\d]+(?:_[A-Z\d]+)+\b/g)].map(
        ([found]) => found,
      )
      // Names of systemd.
      const others = ['AF_INET', 'AF_INET6', 'AF_UNIX']
      expect(named.filter((found) => !isVariable(found) && !others.includes(found))).toEqual([])
    }
  })
})

describe('docs/deploy/kubernetes.yaml', () => {
  // biome-ignore lint/suspicious/noExplicitAny: the manifests have no type; each test checks the fields that it reads.
  const documents: any[] = [Bun.YAML.parse(example('kubernetes.yaml', []))].flat()
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  const of = (kind: string): any => documents.find((document) => document.kind === kind)
  const pod = of('Deployment').spec.template
  const [container] = pod.spec.containers
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, value]),
  )
  const portNames = container.ports.map(({ name }: { name: string }) => name)

  test('sets variables that fastkit accepts, and mounts the secrets that they name', () => {
    const [databaseUrl, jwtSecret] = secretFiles()
    const variables = { ...env, DATABASE_URL_FILE: databaseUrl, JWT_SECRET_FILE: jwtSecret }
    const { host, port } = loadConfig(variables)
    expect({ host, port }).toEqual({ host: '0.0.0.0', port: container.ports[0].containerPort })
    expect(Number(env['METRICS_PORT'])).toBe(container.ports[1].containerPort)
    const [mount] = container.volumeMounts
    const keys = Object.keys(of('Secret').stringData)
    const named = Object.entries(env).filter(([name]) => name.endsWith('_FILE'))
    expect(named.map(([, path]) => path).toSorted()).toEqual(
      keys.map((name) => `${mount.mountPath}/${name}`).toSorted(),
    )
  })

  test('has only placeholders that fastkit refuses for secrets', () => {
    const { database_url, jwt_secret } = of('Secret').stringData
    expect(() => loadConfig({ DATABASE_URL: database_url })).toThrow()
    expect(() => loadConfig({ JWT_SECRET: jwt_secret })).toThrow()
  })

  test('probes paths and ports that exist', async () => {
    const main = join(repository, 'src/main.ts')
    const { paths } = await Bun.$`${process.execPath} ${main} openapi`.env({}).quiet().json()
    const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((name) => container[name].httpGet)
    expect(probes.map(({ path }) => path)).toEqual(['/livez', '/livez', '/readyz'])
    for (const { path, port } of probes) {
      expect(paths).toHaveProperty([path, 'get'])
      expect(portNames).toContain(port)
    }
    const [servicePort] = of('Service').spec.ports
    expect(portNames).toContain(servicePort.targetPort)
    const { service } = of('Ingress').spec.rules[0].http.paths[0].backend
    expect(service).toEqual({ name: of('Service').metadata.name, port: { name: servicePort.name } })
  })

  test('waits for the drain before the kill, and removes the pod before it stops serving', () => {
    const { periodSeconds, failureThreshold } = container.readinessProbe
    expect(milliseconds(env['SHUTDOWN_DELAY'])).toBeGreaterThan(periodSeconds * failureThreshold * 1000)
    expect(pod.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(
      milliseconds(env['SHUTDOWN_TIMEOUT']),
    )
    const { 'nginx.ingress.kubernetes.io/proxy-read-timeout': timeout } = of('Ingress').metadata.annotations
    expect(Number(timeout)).toBeGreaterThan(silenceSeconds)
  })

  test('selects its own pods, which run without privileges', () => {
    for (const selector of [
      of('Deployment').spec.selector.matchLabels,
      of('Service').spec.selector,
      of('PodDisruptionBudget').spec.selector.matchLabels,
      of('NetworkPolicy').spec.podSelector.matchLabels,
    ])
      expect(pod.metadata.labels).toMatchObject(selector)
    expect(pod.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })
})
