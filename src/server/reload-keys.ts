import { ConfigError, type Environment, rereadKeys } from '../core/config'
import type { Deps } from '../deps'

/**
 * Replaces the keys by those in `JWT_SECRET_FILE`. A file that is not valid changes nothing. Never throws and never logs a
 * key; a kid is public, because every token contains it.
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
