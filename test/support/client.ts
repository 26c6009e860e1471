type Options = { body?: unknown; token?: string | undefined; headers?: Record<string, string> }

/** A response, with its body parsed if it is JSON. */
// biome-ignore lint/suspicious/noExplicitAny: a body has any shape, and each test asserts it.
export type Answer = { status: number; headers: Headers; text: string; body: any }

export type Pair = {
  access_token: string
  refresh_token: string
  expires_in: number
  refresh_expires_in: number
}

export const aPassword = 'correct horse battery'

/**
 * Calls the service over HTTP and collects every secret that passes, for the leak check at the end. `ca` is the trusted
 * certificate for TLS.
 */
export function createClient(url: string, { ca }: { ca?: string } = {}) {
  const secrets = new Set<string>()
  let made = 0

  async function call(route: string, { body, token, headers = {} }: Options = {}): Promise<Answer> {
    const [method = '', path = ''] = route.split(' ')
    const isRaw = typeof body === 'string' || body instanceof Uint8Array
    const answer = await fetch(url + path, {
      method,
      redirect: 'manual',
      ...(ca !== undefined && { tls: { ca } }),
      headers: {
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: isRaw ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '')
    const parsed = isJson && text !== '' ? JSON.parse(text) : null
    remember(body)
    remember(parsed)
    return { status: answer.status, headers: answer.headers, text, body: parsed }
  }

  function remember(value: unknown) {
    if (typeof value !== 'object' || value === null) return
    for (const [key, secret] of Object.entries(value)) {
      if (/password|_token$|^ticket$/.test(key) && typeof secret === 'string' && secret.length >= 8)
        secrets.add(secret)
    }
  }

  const newEmail = () => `user${++made}-${crypto.randomUUID().slice(0, 8)}@example.com`

  async function register(fields: Record<string, unknown> = {}) {
    const credentials = { email: newEmail(), password: aPassword, ...fields }
    const { status, body, text } = await call('POST /api/v1/auth/register', { body: credentials })
    if (status !== 201) throw new Error(`register answered ${status}: ${text}`)
    return { id: String(body.id), email: credentials.email, password: credentials.password }
  }

  async function signIn({ email, password }: { email: string; password: string }): Promise<Pair> {
    const { status, body, text } = await call('POST /api/v1/auth/login', { body: { email, password } })
    if (status !== 200) throw new Error(`login answered ${status}: ${text}`)
    return body
  }

  const refresh = (refresh_token: string) => call('POST /api/v1/auth/refresh', { body: { refresh_token } })
  const me = (token: string) => call('GET /api/v1/users/me', { token })

  /** A new account with a session. */
  async function enter() {
    const user = await register()
    return { ...user, ...(await signIn(user)) }
  }

  return { url, secrets, call, newEmail, register, signIn, enter, refresh, me }
}
