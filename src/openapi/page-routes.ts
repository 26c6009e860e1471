import { Elysia } from 'elysia'
import type { Config } from '../core/config'
import { sendFile, staticFile } from '../http/static-file'
import { docsAsset } from './page-assets'

type Options = {
  pages: { path: '/docs' | `/docs/${string}`; runs: Runs; html: () => string }[]
  /** What they load and no other page has brought: the file of each name under `/docs/assets`. */
  files: Record<string, string>
}
type Runs = keyof typeof directives

/** Pages under `/docs`, and what they load. Nothing at all with DOCS=off. */
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

// Files of this service and nothing else; for `connect-src`, `'self'` covers the WebSocket of the same host.
const directives = {
  nothing: ["img-src 'self'"],
  // They can turn no text into HTML.
  'own scripts': [...scripts, "require-trusted-types-for 'script'", "img-src 'self'"],
  // It makes HTML of text, and its style sheet has icons as `data:`.
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
