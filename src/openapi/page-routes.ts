import { Elysia } from 'elysia'
import type { Config } from '../core/config'
import { sendFile, staticFile } from '../http/static-file'
import { docsAsset } from './page-assets'

type Options = {
  pages: { path: '/docs' | `/docs/${string}`; runs: Runs; html: () => string }[]
  /** The files that these pages load, by their name under `/docs/assets`. No other pages may have added them. */
  files: Record<string, string>
}
type Runs = keyof typeof directives

/** Pages under `/docs` and their files. There are none with DOCS=off. */
export function docsPages({ hasDocs }: Pick<Config, 'hasDocs'>, { pages, files }: Options) {
  const app = new Elysia({ detail: { hide: true } })
  if (!hasDocs) return app
  for (const { path, runs, html } of pages) {
    const page = staticFile('text/html; charset=utf-8', html)
    const headers = { 'content-security-policy': policyFor(runs) }
    app.get(path, ({ request }) => sendFile(request, page, headers))
  }
  for (const [name, path] of Object.entries(files)) {
    const file = docsAsset(name, path)
    app.get(`/docs/assets/${name}`, ({ request }) => sendFile(request, file))
  }
  return app
}

const scripts = ["script-src 'self'", "connect-src 'self'"]

// A page loads files of this service only. In `connect-src`, `'self'` includes the WebSocket of the same host.
const directives = {
  nothing: ["img-src 'self'"],
  // Trusted types keep the scripts from turning text into HTML.
  'own scripts': [...scripts, "require-trusted-types-for 'script'", "img-src 'self'"],
  // Swagger UI generates HTML, and its style sheet contains icons as `data:`.
  'swagger-ui': [...scripts, "img-src 'self' data:"],
}

const policyFor = (runs: Runs) =>
  [
    "default-src 'none'",
    ...directives[runs],
    "style-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
