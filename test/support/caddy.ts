import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { example, type Swap } from './example'
import { freePort, listening } from './ports'
import { makeCertificate } from './tls'

const caddyPath = '/usr/bin/caddy'
export const hasCaddy = existsSync(caddyPath)

/** Caddy with docs/deploy/Caddyfile. Only names, ports, paths and the certificate are replaced, and the `swaps`. */
export async function startCaddy(ports: [number, number], swaps: Swap[] = []) {
  const dir = mkdtempSync(join(tmpdir(), 'fastkit-caddy-'))
  const { chain, key, ca } = makeCertificate(dir)
  const port = freePort()
  const config = join(dir, 'Caddyfile')
  const text = example('Caddyfile', [
    ['127.0.0.1:3000', `127.0.0.1:${ports[0]}`],
    ['127.0.0.1:3001', `127.0.0.1:${ports[1]}`],
    ['{\n\tservers {', '{\n\tadmin off\n\tauto_https off\n\tservers {'],
    ['\napi.example.com {', `\nhttps://127.0.0.1:${port} {\n\ttls ${chain} ${key}`],
    ['/var/log/caddy/', `${dir}/`],
    ...swaps,
  ])
  writeFileSync(config, text)
  const env = { HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir }
  const child = Bun.spawn([caddyPath, 'run', '--adapter', 'caddyfile', '--config', config], {
    env,
    stdout: 'ignore',
    stderr: Bun.file(join(dir, 'main.log')),
  })
  await listening(port)
  return {
    url: `https://127.0.0.1:${port}`,
    ca,
    /** The log of Caddy. */
    logged: async () =>
      (await Promise.all(['main.log', 'fastkit.log'].map((name) => Bun.file(join(dir, name)).text()))).join(
        '',
      ),
    async stop() {
      child.kill('SIGKILL')
      await child.exited
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
