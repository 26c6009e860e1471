import './support/prepare'

// Runs one suite of the tests and prints what it leaves out. Usage: bun test/suites.ts NAME [options of bun test]

/** Tests of the built executable, as paths below `test` without `.test.ts`. */
const needBuild = ['deploy/executable*', 'deploy/release']
/** Tests that measure times under load. They run one after the other, with nothing else on the machine. */
const needQuiet = [
  ...['cluster/traces.collector', 'cluster/realtime.recovery'],
  ...['crash/faults', 'crash/ledger', 'crash/overload', 'crash/realtime.crash', 'crash/realtime.memory'],
  ...['crash/refresh.crash', 'crash/shutdown.load', 'deploy/proxy-attacks'],
]
/** Tests that do not depend on the database, so one database is enough. */
const databaseIndependent = [
  ...['architecture', 'unit/*', 'api/docs', 'api/http.slow', 'cli/add-a-resource', 'cli/generate-migrations'],
  ...['cli/log.pretty', 'cli/user-command.usage', 'cluster/traces.collector', 'deploy/caddy'],
  'deploy/proxy-attacks',
]
const slow = [
  ...['cli/*', 'cluster/*', 'crash/*', 'deploy/*', 'api/*.browser', 'api/*.races', 'api/rate-limits.*'],
  ...['api/docs', 'api/health', 'api/http.access-log', 'api/http.slow', 'api/metrics*'],
  ...[
    'api/openapi-authorization',
    'api/query-costs',
    'api/realtime.docs.client',
    'api/realtime.expiring',
    'api/realtime.interop',
    'api/realtime.lifecycle',
    'api/realtime.unauthenticated-limit',
    'api/traces',
    'api/users.last-admin',
    'api/verbs.anonymous',
  ],
]

type Suite = { only?: readonly string[]; without?: readonly string[]; isParallel: boolean }

const isOnServer = Boolean(Bun.env['TEST_DATABASE_URL'])
const skipped = isOnServer ? databaseIndependent : []
const suites: Record<string, Suite> = {
  fast: { without: slow, isParallel: true },
  parallel: { without: [...needBuild, ...needQuiet, ...skipped], isParallel: true },
  quiet: { only: needQuiet.filter((name) => !skipped.includes(name)), isParallel: false },
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
