type Settable = { status?: number | string; headers: Record<string, string | number> }

/** Responds 201 with the new resource and its `Location` in the collection (RFC 9110 §15.3.2). */
export async function created<T extends { id: string }>(
  set: Settable,
  collection: string,
  work: Promise<T>,
): Promise<T> {
  const result = await createdWithoutLocation(set, work)
  set.headers['location'] = `${collection}/${result.id}`
  return result
}

/** Responds 201 with a new resource that has no address of its own. */
export async function createdWithoutLocation<T>(set: Settable, work: Promise<T>): Promise<T> {
  const result = await work
  set.status = 201
  return result
}

/** Responds 204 when the work is done. */
export async function noContent(work: Promise<void>): Promise<Response> {
  await work
  return new Response(null, { status: 204 })
}

// Health checks repeat after about a second in any case.
const retryAfterSeconds = 1

/** Responds with a health report: 200, or 503 with `Retry-After`. */
export async function healthResponse<T extends { status: 'ok' | 'unavailable' }>(
  set: Settable,
  work: Promise<T>,
): Promise<T> {
  const result = await work
  if (result.status === 'ok') return result
  set.status = 503
  set.headers['retry-after'] = retryAfterSeconds
  return result
}
