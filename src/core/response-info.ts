/** A request that was answered, as the access log tells it. */
export type ResponseInfo = {
  request: Request
  method: string
  /** The pattern of its route; `null` where none matched. */
  route: string | null
  status: number
  seconds: number
}

/** Told of every answer once it is on its way. */
export type OnResponse = (info: ResponseInfo) => void
