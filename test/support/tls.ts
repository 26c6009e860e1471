import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { isWhole } from './socket'

/** Creates a self-signed certificate. Returns the paths of certificate and key, and the `ca` for clients. */
export function makeCertificate(dir: string) {
  const [chain, key] = [join(dir, 'fullchain.pem'), join(dir, 'privkey.pem')]
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
  const names = ['-subj', '/CN=api.example.com', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const { exitCode, stderr } = Bun.spawnSync(
    ['openssl', 'req', '-x509', ...how, ...names, '-keyout', key, '-out', chain],
    { stderr: 'pipe' },
  )
  if (exitCode !== 0) throw new Error(stderr.toString())
  return { chain, key, ca: readFileSync(chain, 'utf8') }
}

type Sender = { url: string; ca: string; localAddress: string }

/** Sends a request over TLS from a loopback address, with Host added. Returns the response. */
export async function sendFrom({ url, ca, localAddress }: Sender, lines: string[]) {
  const { host, hostname, port } = new URL(url)
  const [first = '', ...others] = lines
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let received = ''
  const wire = connect({ host: hostname, port: Number(port), localAddress })
  const socket = connectTls({ socket: wire, host: hostname, ca }, () =>
    socket.write([first, `Host: ${host}`, ...others].join('\r\n')),
  )
  socket.on('data', (data) => {
    received += data.toString()
    if (isWhole(received)) socket.end()
  })
  socket.on('error', reject)
  socket.on('close', () => resolve(received))
  const [head = '', body = ''] = (await promise).split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body }
}

/** The lines of a JSON request with any headers. */
export function jsonRequest(route: string, body: unknown, headers: Record<string, string> = {}): string[] {
  const text = JSON.stringify(body)
  return [
    `${route} HTTP/1.1`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    text,
  ]
}
