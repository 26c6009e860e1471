import type { Deps } from '../deps'
import { ensureFirstAdmin } from '../modules/users/first-admin'
import { asSystem } from './as-system'

/** Creates the configured first admin unless an admin exists. Throws `database_unavailable`. */
export async function bootstrap(deps: Deps): Promise<void> {
  const { firstAdmin } = deps.config
  if (!firstAdmin) return
  const outcome = await ensureFirstAdmin(deps, asSystem, firstAdmin)
  if (outcome === 'created') deps.log.info('bootstrap.admin_created')
  if (outcome === 'address_taken') deps.log.warn('bootstrap.email_taken')
}
