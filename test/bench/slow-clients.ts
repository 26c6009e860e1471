import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createStage, percentile } from '../support/soak'

// Measures the effect of 2,000 slow clients, made by slowhttptest (apt-get install slowhttptest), on an ordinary one.
// Needs root for a network namespace with Ethernet-sized packets: the usual loopback, with packets of 64 KiB,
// buffers megabytes per slow reader. Usage: bun test/bench/slow-clients.ts [all|headers|bodies|reading]

const connections = 2000
const seconds = 30
const settleSeconds = 15
const attack = ['-c', `${connections}`, '-r', '500', '-l', `${seconds}`, '-i', '3', '-p', '3']
const modes = {
  headers: ['-H', '/livez'],
  bodies: ['-B', '/api/v1/auth/login', '-f', 'application/json', '-s', '60000', '-x', '10'],
  reading: ['-X', '/docs/assets/swagger-ui-bundle.js', '-w', '10', '-y', '20', '-n', '3', '-z', '32'],
}

const [, , wanted, where] = Bun.argv
if (where === 'inside') await measureAll()
else {
  const inside = [process.execPath, import.meta.path, wanted ?? 'all', 'inside']
  const network = ['unshare', '--net', 'sh', '-c', 'ip link set lo mtu 1500 up && exec "$@"', 'sh']
  process.exitCode = await Bun.spawn([...network, ...inside], { stdio: ['ignore', 'inherit', 'inherit'] })
    .exited
}

async function measureAll() {
  for (const [name, mode] of Object.entries(modes))
    if (wanted === 'all' || wanted === name) await measure(name, mode)
}

async function measure(name: string, [flag = '', path = '', ...options]: string[]) {
  const stage = await createStage()
  const scratch = mkdtempSync(join(tmpdir(), 'fastkit-slow-'))
  try {
    const { access_token: token } = await stage.enter()
    const before = stage.connections()
    print(`${name}, no slow client`, summaryOf(await ask(stage, token, 5)))
    const address = `${stage.url}${path}`
    const command = ['slowhttptest', flag, ...attack, ...options, '-u', address]
    const slow = Bun.spawn(command, { cwd: scratch, stdout: 'pipe', stderr: 'pipe' })
    const output = new Response(slow.stdout).text()
    const during = await ask(stage, token, seconds)
    await slow.exited
    print(`${name}, ${connections} slow`, summaryOf(during))
    await Bun.sleep(settleSeconds * 1000)
    print(`${name}, ${settleSeconds} s later`, [
      `connections ${before} → ${stage.connections()}`,
      `slowhttptest says: ${availabilityIn(await output)}`,
    ])
  } finally {
    rmSync(scratch, { recursive: true, force: true })
    await stage.end()
  }
}

type Stage = Awaited<ReturnType<typeof createStage>>
type Asked = { milliseconds: number[]; failed: number; most: number }

/** Sends GET /users/me a hundred times a second, one request after the other. */
async function ask(stage: Stage, token: string, forSeconds: number): Promise<Asked> {
  const asked: Asked = { milliseconds: [], failed: 0, most: 0 }
  for (const end = performance.now() + forSeconds * 1000; performance.now() < end; await Bun.sleep(10)) {
    const startedAt = performance.now()
    const status = await stage.me(token).then(
      (answer) => answer.status,
      () => null,
    )
    asked.milliseconds.push(performance.now() - startedAt)
    if (status !== 200) asked.failed++
    if (asked.milliseconds.length % 50 === 0) asked.most = Math.max(asked.most, stage.connections())
  }
  return asked
}

function summaryOf({ milliseconds, failed, most }: Asked): string[] {
  return [
    `${milliseconds.length} requests, ${failed} failed`,
    `median ${percentile(milliseconds, 50).toFixed(1)} ms`,
    `p99 ${percentile(milliseconds, 99).toFixed(1)} ms (aim: 200)`,
    `longest ${Math.max(...milliseconds).toFixed(0)} ms`,
    `most connections at once ${most}`,
  ]
}

/** The availability in the last report of slowhttptest, without colours. */
function availabilityIn(output: string): string {
  const plain = Bun.stripANSI(output)
  return (
    plain
      .match(/service available:\s*\S+/g)
      ?.at(-1)
      ?.replace(/\s+/g, ' ') ?? 'nothing'
  )
}

function print(title: string, values: string[]) {
  console.log(`${title}: ${values.join(', ')}`)
}
