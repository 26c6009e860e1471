/** A value that is there already, or comes later: what is remembered need not make a request wait its turn. */
export type Soon<T> = T | Promise<T>

/** Goes on with `value`, at once when it is there. */
export const soon = <T, R>(value: Soon<T>, next: (value: T) => Soon<R>): Soon<R> =>
  value instanceof Promise ? value.then(next) : next(value)
