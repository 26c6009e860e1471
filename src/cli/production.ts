// Elysia reads NODE_ENV when it is imported and otherwise answers with development pages: so this comes first.
Bun.env['NODE_ENV'] ??= 'production'
