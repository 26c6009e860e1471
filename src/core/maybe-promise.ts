/** A value that is there already, or comes later: what is remembered need not make a request wait its turn. */
export type MaybePromise<T> = T | Promise<T>

/** Goes on with `value`, at once when it is there. */
export const thenSync = <T, R>(
  value: MaybePromise<T>,
  next: (value: T) => MaybePromise<R>,
): MaybePromise<R> => (value instanceof Promise ? value.then(next) : next(value))
