// Responses are data: they may not load, frame or run anything. Pages under `/docs` have a policy of their own.
const policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** Headers of every response, unless a handler set them. */
const standard = Object.entries({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': policy,
  'cache-control': 'no-store',
})

const requestIdHeader = 'x-request-id'

/** For the response to a WebSocket handshake, which Bun makes. */
export const standardHeaders = (requestId: string): Record<string, string> => ({
  ...Object.fromEntries(standard),
  [requestIdHeader]: requestId,
})

/** Adds the headers that a response does not have yet. */
export function addStandardHeaders({ headers }: Response, requestId: string) {
  headers.set(requestIdHeader, requestId)
  for (const [name, value] of standard) if (!headers.has(name)) headers.set(name, value)
}

// Copying these headers for each response costs a third of building them.
const jsonHeaders = new Headers([...standard, ['content-type', 'application/json;charset=utf-8']])

/** A 200 with JSON and the standard headers. */
export function jsonResponse(value: object, requestId: string): Response {
  jsonHeaders.set(requestIdHeader, requestId)
  return new Response(JSON.stringify(value), { headers: jsonHeaders })
}
