import { createTestDatabase } from './database'
import { createOperator } from './operator'

/** A directory for a service in a separate process, and a database when the tests use a server. */
export async function createPlace() {
  const operator = createOperator()
  const { url, drop } = await createTestDatabase()
  const cwd = operator.emptyDir()
  const secrets = { JWT_SECRET: 'a-secret-for-processes-that-is-long-enough-0123' }
  const env = url === null ? secrets : { ...secrets, DATABASE_URL: url }
  return {
    url,
    serve: (more: Record<string, string> = {}) => operator.serve({ cwd, env: { ...env, ...more } }),
    launch: (more: Record<string, string> = {}) => operator.launch({ cwd, env: { ...env, ...more } }),
    command: (args: string[], more: Record<string, string> = {}) =>
      operator.fastkit({ cwd, env: { ...env, ...more } }, args),
    async clear() {
      await operator.clear()
      await drop()
    },
  }
}
