import { version } from '../../package.json'

/** The commit that the executable was built from; `null` from source and for unknown commits. */
export const commit = typeof FASTKIT_COMMIT === 'string' ? FASTKIT_COMMIT : null

/** `1.2.3`, or `1.2.3 (0123456789ab)`. */
export const fullVersion = commit === null ? version : `${version} (${commit})`
