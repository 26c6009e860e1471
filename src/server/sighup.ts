/** The SIGHUPs that a process is sent, of which none ends it. */
export type Sighup = {
  /** Has `work` done for each from here on, and once for those that came before. It must not throw. */
  each(work: () => Promise<void>): void
}

/** Takes SIGHUP from now on: by default it would end the process. */
export function holdSighup(): Sighup {
  let isAsked = false
  let isBusy = false
  let work: (() => Promise<void>) | null = null

  // One at a time, and all that come meanwhile are one: each reads everything anew.
  async function answer() {
    if (isBusy || !work) return
    isBusy = true
    while (isAsked) {
      isAsked = false
      await work()
    }
    isBusy = false
  }
  process.on('SIGHUP', () => {
    isAsked = true
    void answer()
  })
  return {
    each(given) {
      work = given
      void answer()
    },
  }
}
