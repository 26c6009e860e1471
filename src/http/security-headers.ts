// An API answers data: nothing in it may load, frame or run anything. `/docs` states its own policy.
const policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/** Headers of every answer, unless it has its own. */
const standard = Object.entries({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': policy,
  'cache-control': 'no-store',
})

const requestIdHeader = 'x-request-id'

/** What is sent with an answer that is made for us: the one to a handshake. */
export const standardHeaders = (requestId: string): Record<string, string> => ({
  ...Object.fromEntries(standard),
  [requestIdHeader]: requestId,
})

/** Adds what an answer still lacks. */
export function complete({ headers }: Response, requestId: string) {
  headers.set(requestIdHeader, requestId)
  for (const [name, value] of standard) if (!headers.has(name)) headers.set(name, value)
}

// Copied as it is for each answer: that costs a third of making headers anew.
const ofJson = new Headers([...standard, ['content-type', 'application/json;charset=utf-8']])

/** What most answers are: 200, these headers, and JSON. */
export function completeJson(value: object, requestId: string): Response {
  ofJson.set(requestIdHeader, requestId)
  return new Response(JSON.stringify(value), { headers: ofJson })
}
