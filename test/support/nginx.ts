import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { example, type Swap } from './example'
import { freePort, listening } from './ports'
import { makeCertificate } from './tls'

/** The path of nginx on Debian. */
const nginxPath = '/usr/sbin/nginx'
export const hasNginx = existsSync(nginxPath)

/** nginx with docs/deploy/nginx.conf. Only names, ports and paths are replaced, and the `swaps`. */
export async function startNginx(ports: [number, number], swaps: Swap[] = []) {
  const dir = mkdtempSync(join(tmpdir(), 'fastkit-nginx-'))
  chmodSync(dir, 0o755)
  const { chain, key, ca } = makeCertificate(dir)
  const [plain, secure] = [freePort(), freePort()]
  const site = example('nginx.conf', [
    ['127.0.0.1:3000', `127.0.0.1:${ports[0]}`],
    ['127.0.0.1:3001', `127.0.0.1:${ports[1]}`],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['    listen [::]:80;\n', ''],
    ['listen 443 ssl http2;\n', `listen 127.0.0.1:${secure} ssl http2;\n`],
    ['    listen [::]:443 ssl http2;\n', ''],
    ['server_name api.example.com', 'server_name api.example.com 127.0.0.1'],
    ['/etc/ssl/fastkit/fullchain.pem', chain],
    ['/etc/ssl/fastkit/privkey.pem', key],
    ['/var/log/nginx/', `${dir}/`],
    ...swaps,
  ])
  writeFileSync(join(dir, 'site.conf'), site)
  writeFileSync(join(dir, 'nginx.conf'), around(dir))
  const command = [nginxPath, '-p', dir, '-c', join(dir, 'nginx.conf'), '-e', join(dir, 'main.log')]
  const checked = Bun.spawnSync([...command, '-t'], { stderr: 'pipe' }).stderr.toString()
  const child = Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' })
  await listening(secure)
  return {
    url: `https://127.0.0.1:${secure}`,
    plainUrl: `http://127.0.0.1:${plain}`,
    ca,
    /** The output of `nginx -t`. */
    checked,
    /** The log of nginx. */
    logged: () =>
      ['main.log', 'fastkit.access.log', 'fastkit.error.log']
        .map((name) => readFileSync(join(dir, name), 'utf8'))
        .join(''),
    async stop() {
      child.kill('SIGTERM')
      await child.exited
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A main configuration like that of Debian, which includes the example, in a directory of the test. */
function around(dir: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  mkdirSync(join(dir, 'tmp'))
  return `
    ${process.getuid?.() === 0 ? 'user root;' : ''}
    daemon off;
    worker_processes 2;
    pid ${dir}/pid;
    events { worker_connections 1024; }
    http {
      ${temporary.map((name) => `${name}_temp_path ${dir}/tmp/${name};`).join('\n')}
      include ${dir}/site.conf;
    }
  `
}
