// bun test/suites.ts NAME [options of bun test]: runs the part of the tests that has this name, and says what it leaves out.

/** Files below `test`, without `.test.ts`. */
const needBuild = ['deploy/executable*', 'deploy/release']
/** They hold a service to times under load: with the machine for themselves, one after the other. */
const needQuiet = [
  ...['cluster/traces.collector', 'cluster/realtime.recovery'],
  ...['crash/faults', 'crash/ledger', 'crash/overload', 'crash/realtime.crash', 'crash/realtime.memory'],
  ...['crash/refresh.crash', 'crash/shutdown.load'],
]
/** What these prove is the same on every database. */
const onceIsEnough = [
  ...['architecture', 'unit/*', 'api/docs', 'api/http.slow', 'cli/add-a-resource', 'cli/generate-migrations'],
  ...['cli/log.pretty', 'cli/user-command.usage', 'cluster/traces.collector', 'deploy/caddy'],
]
const slow = [
  ...['cli/*', 'cluster/*', 'crash/*', 'deploy/*', 'api/*.browser', 'api/*.races', 'api/rate-limits.*'],
  ...['api/docs', 'api/health', 'api/http.access-log', 'api/http.slow', 'api/metrics*'],
  ...[
    'api/openapi-authorization',
    'api/realtime.interop',
    'api/realtime.lifecycle',
    'api/realtime.unauthenticated-limit',
    'api/traces',
    'api/users.last-admin',
  ],
]

type Suite = { only?: readonly string[]; without?: readonly string[]; isParallel: boolean }

const isOnServer = Boolean(Bun.env['TEST_DATABASE_URL'])
const again = isOnServer ? onceIsEnough : []
const suites: Record<string, Suite> = {
  fast: { without: slow, isParallel: true },
  parallel: { without: [...needBuild, ...needQuiet, ...again], isParallel: true },
  quiet: { only: needQuiet.filter((name) => !again.includes(name)), isParallel: false },
  executable: { only: needBuild, isParallel: true },
}

const [name = '', ...options] = Bun.argv.slice(2)
const suite = suites[name]
if (!suite) throw new Error(`no such suite: ${name}; there are ${Object.keys(suites).join(', ')}`)
const { only = [], without = [], isParallel } = suite
if (without.length > 0) process.stderr.write(`left out: ${without.join(' ')}\n`)

const chosen = only.flatMap((pattern) => [...new Bun.Glob(`test/${pattern}.test.ts`).scanSync()])
const ignored = without.flatMap((pattern) => ['--path-ignore-patterns', `**/${pattern}.test.ts`])
const parallel = isParallel ? ['--parallel'] : []
const command = [process.execPath, 'test', '--timeout=30000', ...parallel, ...ignored, ...options, ...chosen]
const tests = Bun.spawn(command, { stdio: ['inherit', 'inherit', 'inherit'] })
process.exitCode = await tests.exited
