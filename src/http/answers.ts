type Settable = { status?: number | string; headers: Record<string, string | number> }

/** Answers 201 with the address of what was made (RFC 9110 §15.3.2). */
export function created<T extends { id: string }>(set: Settable, collection: string, made: T): T {
  set.status = 201
  set.headers['location'] = `${collection}/${made.id}`
  return made
}

/** Answers 204 once `done`. */
export async function noContent(done: Promise<void>): Promise<Response> {
  await done
  return new Response(null, { status: 204 })
}

// Who asks for health asks again soon in any case.
const retryAfterSeconds = 1

/** Answers a health report: 200 when all is well, else 503 and when to ask again. */
export function report<T extends { status: 'ok' | 'unavailable' }>(set: Settable, state: T): T {
  if (state.status === 'ok') return state
  set.status = 503
  set.headers['retry-after'] = retryAfterSeconds
  return state
}

/** Answers 201 with what was made and has no address of its own. */
export async function made<T>(set: Settable, work: Promise<T>): Promise<T> {
  const result = await work
  set.status = 201
  return result
}
