/** The facts of one response, as the access log writes them. */
export type ResponseInfo = {
  request: Request
  method: string
  /** The pattern of the route; `null` when none matched. */
  route: string | null
  status: number
  seconds: number
}

/** Called for every response once it is sent. */
export type OnResponse = (info: ResponseInfo) => void
