import { version } from '../../package.json'

/** The commit that an executable was built from; `null` from source, and when it was not known. */
export const commit = typeof FASTKIT_COMMIT === 'string' ? FASTKIT_COMMIT : null

/** `1.2.3`, or `1.2.3 (0123456789ab)`. */
export const fullVersion = commit === null ? version : `${version} (${commit})`
