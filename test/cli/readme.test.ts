import { afterAll, beforeAll, expect, test } from 'bun:test'
import { tmpdir } from 'node:os'
import { dirname } from 'node:path'
import { type Service, startTestService } from '../support/service'

let service: Service
beforeAll(async () => {
  // The tour shows a durable database. Other tests turn durability off.
  service = await startTestService({ EMBEDDED_FSYNC: 'on' })
})
afterAll(() => service.stop())

test('the tour of the README prints what the README shows', async () => {
  const steps = stepsOf(await readmeTour())
  const printed = await run(steps.map(({ commands }) => commands))
  expect(printed.map(comparable)).toEqual(steps.map(({ shown }) => comparable(shown)))
})

test('the tour registers, signs in, refreshes, logs out and meets errors', async () => {
  const commands = stepsOf(await readmeTour()).map((step) => step.commands)
  const paths = ['/auth/register', '/auth/login', '/users/me', '/auth/refresh', '/auth/logout', '/readyz']
  expect(paths.filter((path) => !commands.join().includes(path))).toEqual([])
})

/** Commands of the tour and their expected output: the next block, unless it has commands too. */
type Step = { commands: string; shown: string }

async function readmeTour(): Promise<string> {
  const readme = await Bun.file(`${import.meta.dir}/../../README.md`).text()
  const [, section = ''] = readme.split(/^## Tour$/m)
  return section.split(/^## /m)[0] ?? ''
}

function stepsOf(section: string): Step[] {
  const steps: Step[] = []
  for (const [, language, text = ''] of section.matchAll(/^```(\w*)\n(.*?)^```$/gms)) {
    const last = steps.at(-1)
    if (language === 'sh') steps.push({ commands: text, shown: '' })
    else if (last?.shown === '') last.shown = text
    else throw new Error(`the tour shows an answer twice, or before any command:\n${text}`)
  }
  return steps
}

/** Runs all blocks in one shell that ends at the first failing command. Returns the output of each block. */
async function run(blocks: string[]): Promise<string[]> {
  const mark = `-- ${crypto.randomUUID()} --`
  const script = ['set -euo pipefail', ...blocks.map((block) => `${block}\necho '${mark}'`)].join('\n')
  const shell = Bun.spawn(['bash', '-c', script.replaceAll('http://127.0.0.1:3000', service.url)], {
    cwd: tmpdir(),
    env: { ...Bun.env, PATH: `${dirname(process.execPath)}:${Bun.env['PATH']}` },
    stderr: 'pipe',
  })
  const [output, complaints] = await Promise.all([shell.stdout.text(), shell.stderr.text()])
  remember(output)
  expect({ status: await shell.exited, complaints }).toEqual({ status: 0, complaints: '' })
  return output.split(`${mark}\n`).slice(0, -1)
}

/** Records the secrets of the tour for the leak check of log and database. */
function remember(output: string) {
  service.secrets.add('a quiet green lantern')
  for (const [token] of output.matchAll(/eyJ[\w.-]+/g)) service.secrets.add(token)
}

const elided = { uuid: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, moment: /\d{4}-\d\d-\d\dT[\d:.]{12}Z/g }

/** Normalises output for a comparison: no white space outside strings, and placeholders for unique values. */
function comparable(text: string): string {
  return text
    .replace(/("(?:[^"\\]|\\.)*")|[^\S\n]+/g, '$1')
    .replace(/([{,[])\n|^\n/gm, '$1')
    .replace(/"eyJ[\w.…-]+"/g, '"<token>"')
    .replace(elided.uuid, '<uuid>')
    .replace(elided.moment, '<moment>')
    .replace(/"event_loop_lag_ms":\d+/, '"event_loop_lag_ms":<lag>')
    .replace(/"refresh_expires_in":6047\d\d|"refresh_expires_in":604800/, '"refresh_expires_in":<7d>')
}
