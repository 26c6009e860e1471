// Elysia reads NODE_ENV when it is imported and would send development pages without it. This file is imported first.
Bun.env['NODE_ENV'] ??= 'production'
