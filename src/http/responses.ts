type Settable = { status?: number | string; headers: Record<string, string | number> }

/** Answers 201 with what the work made, and with its address in the collection (RFC 9110 §15.3.2). */
export async function created<T extends { id: string }>(
  set: Settable,
  collection: string,
  work: Promise<T>,
): Promise<T> {
  const result = await made(set, work)
  set.headers['location'] = `${collection}/${result.id}`
  return result
}

/** Answers 201 with what the work made, which has no address of its own. */
export async function made<T>(set: Settable, work: Promise<T>): Promise<T> {
  const result = await work
  set.status = 201
  return result
}

/** Answers 204 once the work is done. */
export async function noContent(work: Promise<void>): Promise<Response> {
  await work
  return new Response(null, { status: 204 })
}

// A client of a probe asks again in any case.
const retryAfterSeconds = 1

/** Answers a health report: 200 when all is well, else 503 and when to ask again. */
export async function report<T extends { status: 'ok' | 'unavailable' }>(
  set: Settable,
  work: Promise<T>,
): Promise<T> {
  const result = await work
  if (result.status === 'ok') return result
  set.status = 503
  set.headers['retry-after'] = retryAfterSeconds
  return result
}
