import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { decodeJwt } from 'jose'
import { createClient } from '../support/client'
import { createTestDatabase, nothing, serverUrl } from '../support/database'
import { createPlayground, repository } from '../support/executable'

const { emptyDir, install, run, serve, clear } = createPlayground()
const aKey = 'a-key-for-the-executable-that-is-long-enough-0123'

let fastkit = ''

setDefaultTimeout(30_000)
beforeAll(async () => {
  fastkit = await install()
}, 120_000)
afterAll(clear)

describe('the executable', () => {
  test('is ready in an empty directory without other files, and logs that commits are durable', async () => {
    const home = dirname(fastkit)
    expect(readdirSync(home)).toEqual(['fastkit'])
    const service = await serve(fastkit, { cwd: home })
    const { status, body } = await createClient(service.url).call('GET /readyz')
    expect([status, body.status, body.checks.durability]).toEqual([200, 'ok', 'ok'])
    expect(await service.end('SIGTERM')).toBe(0)
    expect(readdirSync(home).toSorted()).toEqual(['data', 'fastkit'])
  })

  test('contains no path of the machine that built it', () => {
    const bytes = readFileSync(fastkit)
    for (const below of ['node_modules/', 'src/cli/', 'dist/.build-']) {
      expect(bytes.includes(join(repository, below), 0, 'latin1')).toBe(false)
      expect(bytes.includes(join(repository, below), 0, 'utf16le')).toBe(false)
    }
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s and frees its directory', async (signal) => {
    const cwd = emptyDir()
    const service = await serve(fastkit, { cwd })
    expect(await service.end(signal)).toBe(0)
    expect(service.lines.at(-1)?.event).toBe('service.stopped')
    expect(existsSync(join(cwd, 'data/lock.pid'))).toBe(false)
  })

  test('sends production errors even with another NODE_ENV', async () => {
    const { url } = await serve(fastkit, { env: { NODE_ENV: 'development' } })
    const secret = 'must-not-be-echoed'
    const { status, text } = await createClient(url).call('POST /api/v1/auth/login', {
      body: { email: 'nobody', password: secret, more: secret },
    })
    expect(status).toBe(422)
    expect(text).not.toMatch(/must-not-be-echoed|found|schema|at \//)
  })
})

describe('the pages of the executable', () => {
  test.each(['/docs', '/docs/errors', '/docs/websocket', '/docs/websocket/console'])(
    '%s and everything it loads come from the executable',
    async (path) => {
      const { url } = await serve(fastkit)
      const { call } = createClient(url)
      const page = await call(`GET ${path}`)
      expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      const loaded = [...page.text.matchAll(/<(?:script|link|img)[^>]* (?:src|href)="([^"]*)"/g)].map(
        ([, to]) => to,
      )
      expect(loaded.length).toBeGreaterThan(1)
      for (const to of loaded) {
        expect(to).toStartWith('/docs/')
        const { status, text } = await call(`GET ${to}`)
        expect([to, status, text.length > 0]).toEqual([to, 200, true])
      }
    },
  )

  test('Swagger UI is served byte for byte', async () => {
    const { url } = await serve(fastkit)
    const answer = await fetch(`${url}/docs/assets/swagger-ui-bundle.js`)
    const packaged = Bun.file(join(repository, 'node_modules/swagger-ui-dist/swagger-ui-bundle.js'))
    expect(Bun.hash(await answer.bytes())).toBe(Bun.hash(await packaged.bytes()))
  })

  test('the document is the one that `openapi` prints', async () => {
    const { url } = await serve(fastkit)
    const { body } = await createClient(url).call('GET /docs/openapi.json')
    const { stdout } = await run(fastkit, { args: ['openapi'] })
    expect(body).toEqual(JSON.parse(stdout))
  })
})

const databases = serverUrl ? ['the embedded database', 'PostgreSQL'] : ['the embedded database']

describe.each(databases)('the main job on %s', (name) => {
  const server = { env: {}, drop: nothing }
  beforeAll(async () => {
    if (name !== 'PostgreSQL') return
    const { url, drop } = await createTestDatabase()
    Object.assign(server, { drop, env: { DATABASE_URL: url, JWT_SECRET: aKey } })
  })
  afterAll(() => server.drop())

  test('from registration to logout, and nothing works after it', async () => {
    const service = await serve(fastkit, server)
    const client = createClient(service.url)
    const account = await client.register()
    const first = await client.signIn(account)
    expect((await client.me(first.access_token)).body.email).toBe(account.email)

    const second = await client.refresh(first.refresh_token)
    const again = await client.refresh(first.refresh_token)
    expect([second.status, again.status]).toEqual([200, 200])
    // The text may differ in `iat`: the second may have changed meanwhile.
    expect(decodeJwt(again.body.refresh_token).jti).toBe(decodeJwt(second.body.refresh_token).jti)
    expect((await client.me(second.body.access_token)).status).toBe(200)

    const logout = await client.call('POST /api/v1/auth/logout', { token: second.body.access_token })
    expect(logout.status).toBe(204)
    for (const token of [first.access_token, second.body.access_token])
      expect((await client.me(token)).status).toBe(401)
    expect((await client.refresh(second.body.refresh_token)).status).toBe(401)
    expect(await service.end('SIGTERM')).toBe(0)
  })

  test('after kill -9 the next start accepts the account and both tokens', async () => {
    const how = { ...server, cwd: emptyDir() }
    const killed = await serve(fastkit, how)
    const { email, password, ...tokens } = await createClient(killed.url).enter()
    await killed.end('SIGKILL')

    const service = await serve(fastkit, how)
    const client = createClient(service.url)
    expect((await client.me(tokens.access_token)).body.email).toBe(email)
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200)
    await client.signIn({ email, password })
    await service.end('SIGKILL')
  })
})

describe('files in the working directory', () => {
  const hostile = {
    '.env': 'PORT=1\nJWT_SECRET=short\nNODE_ENV=development\nLOG_LEVEL=silent\n',
    'bunfig.toml': 'preload = ["./preload.ts"]\n',
    'preload.ts': "require('node:fs').writeFileSync('preloaded', '')\n",
    'package.json': '{ "type": "commonjs", "imports": { "#a": "./preload.ts" } }',
    'tsconfig.json': '{ "compilerOptions": { "paths": { "*": ["./preload.ts"] } } }',
  }
  const laidOut = () => {
    const cwd = emptyDir()
    for (const [name, text] of Object.entries(hostile)) writeFileSync(join(cwd, name), text)
    for (const name of ['.env.local', '.env.production']) writeFileSync(join(cwd, name), hostile['.env'])
    return cwd
  }

  test('configure nothing', async () => {
    const cwd = laidOut()
    const { exitCode, stdout } = await run(fastkit, { args: ['config'], cwd })
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^PORT=3000 /m)
    expect(stdout).not.toMatch(/# (?!default)/)
    expect(existsSync(join(cwd, 'preloaded'))).toBe(false)
  })

  test('do not affect a running service', async () => {
    const cwd = laidOut()
    const { url } = await serve(fastkit, { cwd })
    expect((await createClient(url).call('GET /readyz')).status).toBe(200)
    expect(existsSync(join(cwd, 'preloaded'))).toBe(false)
  })
})

describe('a second process', () => {
  test('on the same DATA_DIR is refused within two seconds with the pid of the first', async () => {
    const cwd = emptyDir()
    const { pid } = await serve(fastkit, { cwd })
    for (const args of [['serve'], ['migrate']]) {
      const second = await run(fastkit, { args, cwd, env: { PORT: '0' } })
      expect(second.exitCode).toBe(1)
      expect(second.stderr).toMatch(new RegExp(`^fastkit: DATA_DIR .* is in use by process ${pid}\n$`))
      expect(second.milliseconds).toBeLessThan(2000)
    }
  })

  test('on the same port is refused, and the error names the port', async () => {
    const { port } = await serve(fastkit)
    const second = await run(fastkit, { env: { PORT: port } })
    expect(second.exitCode).toBe(1)
    expect(second.stderr).toBe(`fastkit: cannot listen on 127.0.0.1:${port}; is the port taken?\n`)
  })
})

describe('the configuration', () => {
  test('is refused with all problems at once, by names and without values', async () => {
    const values = { PORT: '70077', ACCESS_TOKEN_TTL: 'fortnight', JWT_SECRET: 'tooshort', RATE: 'x' }
    const { exitCode, stdout, stderr } = await run(fastkit, { env: values })
    expect(exitCode).toBe(78)
    expect(stdout).toBe('')
    for (const name of ['PORT', 'ACCESS_TOKEN_TTL', 'JWT_SECRET']) expect(stderr).toContain(`${name} must be`)
    expect(stderr).not.toMatch(/70077|fortnight|tooshort/)
  })

  test('is printed with its sources and without its secrets', async () => {
    const env = { DATABASE_URL: 'postgres://fk:hunter2@db.internal/fk', JWT_SECRET: aKey, PORT: '4000' }
    const { exitCode, stdout } = await run(fastkit, { args: ['config'], env })
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^PORT=4000 +# environment$/m)
    expect(stdout).toMatch(/^DATABASE_URL=\*+ +# environment$/m)
    expect(stdout).not.toMatch(/hunter2|a-key-for/)
  })

  test('is read from --env-file; the environment takes precedence', async () => {
    const cwd = emptyDir()
    writeFileSync(join(cwd, 'production.env'), 'JWT_ISSUER=from-file\nJWT_AUDIENCE=from-file\n')
    const args = ['--env-file', 'production.env', 'config']
    const { stdout } = await run(fastkit, { args, cwd, env: { JWT_AUDIENCE: 'from-environment' } })
    expect(stdout).toMatch(/^JWT_ISSUER=from-file /m)
    expect(stdout).toMatch(/^JWT_AUDIENCE=from-environment /m)
    const missing = await run(fastkit, { args: ['--env-file', 'nowhere.env', 'config'], cwd })
    expect(missing.exitCode).toBe(78)
    expect(missing.stderr).toContain('nowhere.env')
  })
})

describe('a subcommand', () => {
  test.each([[['nonsense']], [['--nonsense']], [['serve', '--nonsense']], [['version', 'nonsense']]])(
    'that is invalid ends with 2 and a usage line: %p',
    async (args) => {
      const { exitCode, stdout, stderr } = await run(fastkit, { args })
      expect([exitCode, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(/^error: .*nonsense|^error: too many arguments/)
      expect(stderr).toMatch(/^usage: fastkit /m)
    },
  )

  test.each(['serve', 'migrate', 'user', 'openapi', 'health', 'config', 'secret', 'version'])(
    '%s explains itself',
    async (name) => {
      expect((await run(fastkit, { args: ['--help'] })).stdout).toContain(`  ${name} `)
      const { exitCode, stdout } = await run(fastkit, { args: [name, '--help'] })
      expect(exitCode).toBe(0)
      expect(stdout).toStartWith(`Usage: fastkit ${name} `)
    },
  )

  test('version is that of the package, with the commit it was built from', async () => {
    const { version } = await Bun.file(join(repository, 'package.json')).json()
    const { stdout } = await run(fastkit, { args: ['version'] })
    const [said, commit = ''] = stdout.trimEnd().split(' ')
    // A source archive or an image is built without git.
    expect([said, commit]).toEqual([version, expect.stringMatching(/^(\([0-9a-f]{12}\+?\))?$/)])
  })

  test('secret is a fresh key of 32 bytes each time', async () => {
    const made = await Promise.all([1, 2].map(() => run(fastkit, { args: ['secret'] })))
    expect(made.map(({ stdout }) => Buffer.from(stdout.trim(), 'base64url').length)).toEqual([32, 32])
    expect(made[0]?.stdout).not.toBe(made[1]?.stdout)
  })

  test('openapi prints the document and creates no files', async () => {
    const cwd = emptyDir()
    const { exitCode, stdout } = await run(fastkit, { args: ['openapi'], cwd })
    expect(exitCode).toBe(0)
    const document = JSON.parse(stdout)
    expect(document.openapi).toStartWith('3.')
    expect(Object.keys(document.paths)).toContain('/api/v1/auth/login')
    expect(readdirSync(cwd)).toEqual([])
  })

  test('migrate applies the missing migrations once', async () => {
    const cwd = emptyDir()
    const [first, second] = [
      await run(fastkit, { args: ['migrate'], cwd }),
      await run(fastkit, { args: ['migrate'], cwd }),
    ]
    expect([first.exitCode, second.exitCode]).toEqual([0, 0])
    expect(first.stdout).toContain('applied 0000_')
    expect(second.stdout).toBe('nothing to apply\n')
  })

  test('user makes an admin, with and without a running service', async () => {
    const cwd = emptyDir()
    const service = await serve(fastkit, { cwd })
    for (const email of ['beside@example.com', 'without@example.com']) {
      const args = ['user', 'create', '--email', email, '--role', 'admin', '--password-stdin']
      const { exitCode, stdout } = await run(fastkit, { args, cwd, input: 'a quiet green lantern\n' })
      expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`created admin ${email} (`)])
      await service.end('SIGTERM')
    }
    const { stdout } = await run(fastkit, { args: ['user', 'list', '--role', 'admin', '--json'], cwd })
    expect(JSON.parse(stdout)).toHaveLength(2)
  })

  test('health is 0 while the service is ready and 1 when it is down', async () => {
    const { port, end } = await serve(fastkit)
    expect((await run(fastkit, { args: ['health'], env: { PORT: port } })).exitCode).toBe(0)
    await end('SIGTERM')
    expect((await run(fastkit, { args: ['health'], env: { PORT: port } })).exitCode).toBe(1)
  })
})
