import type { Acting, Caller, Deps } from '../deps'

/** The same `deps`, acting for the command line or the service itself: they need no rights. */
export const onOwnBehalf = (deps: Deps): Acting => ({ ...deps, caller: itself })

const itself: Caller = { userId: null, ip: null, userAgent: null, requestId: null }
