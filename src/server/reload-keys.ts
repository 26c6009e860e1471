import { ConfigError, type Environment, rereadKeys } from '../core/config'
import type { Deps } from '../deps'

/**
 * Puts the keys in force that `JWT_SECRET_FILE` holds now. A file that cannot be used changes nothing. Never throws, and
 * never logs a value; a kid stands in every token and tells nothing of its key.
 */
export async function reloadKeys({ keys, log }: Deps, environment: Environment): Promise<void> {
  try {
    const secrets = rereadKeys(environment)
    if (!secrets) return log.info('keys.reload_skipped')
    const before = keys.current.access.kids
    await keys.replace(secrets)
    const { access, refresh } = keys.current
    const removed = before.filter((kid) => !access.kids.includes(kid))
    log.info({ access: access.kids, refresh: refresh.kids, removed }, 'keys.reloaded')
  } catch (err) {
    log.error(err instanceof ConfigError ? { problems: err.problems } : { err }, 'keys.reload_failed')
  }
}
