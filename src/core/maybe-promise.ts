/** A value or a promise of it. A cached value does not cost a request a turn of the microtask queue. */
export type MaybePromise<T> = T | Promise<T>

/** Calls `next` with the value: at once, or when the promise resolves. */
export const thenSync = <T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> => (value instanceof Promise ? value.then(next) : next(value))
