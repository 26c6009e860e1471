/** A request that was answered, as the access log tells it. */
export type Answered = {
  request: Request
  method: string
  /** The pattern of its route; `null` where none matched. */
  route: string | null
  status: number
  seconds: number
}

/** Told of every answer once it is on its way. */
export type OnAnswered = (answered: Answered) => void
