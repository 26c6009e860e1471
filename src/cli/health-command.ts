import { type Environment, loadConfig } from '../core/config'

const limitMilliseconds = 3000

/** Requests `/readyz` of the service on HOST and PORT. Returns 0 when it is ready, else 1. For containers without curl. */
export async function checkHealth(environment: Environment): Promise<number> {
  const { host, port } = loadConfig(environment)
  try {
    const answer = await fetch(`http://${reachable(host)}:${port}/readyz`, {
      signal: AbortSignal.timeout(limitMilliseconds),
    })
    process.stdout.write(`${await answer.text()}\n`)
    return answer.ok ? 0 : 1
  } catch {
    process.stderr.write(`fastkit: no answer on ${host}:${port}\n`)
    return 1
  }
}

/** Replaces a wildcard address, which a service can listen on but a client cannot call. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
