import { Elysia } from 'elysia'
import type { Config } from '../../core/config'
import { docsAsset } from './assets'
import { sendFile, staticFile } from './static-file'

type Options = {
  pages: { path: `/docs/${string}`; hasScripts: boolean; html: () => string }[]
  /** What they load beyond the style sheets of every page: the file of each name under `/docs/assets`. */
  files: Record<string, string>
}

/** Pages that a module adds to `/docs`. Nothing at all with DOCS=off. */
export function docsPages({ hasDocs }: Pick<Config, 'hasDocs'>, { pages, files }: Options) {
  const app = new Elysia({ detail: { hide: true } })
  if (!hasDocs) return app
  for (const { path, hasScripts, html } of pages) {
    const page = staticFile('text/html; charset=utf-8', html)
    const headers = { 'content-security-policy': policyFor(hasScripts) }
    app.get(path, ({ request }) => sendFile(request, page, headers))
  }
  for (const [name, path] of Object.entries(files)) {
    const file = docsAsset(name, path)
    app.get(`/docs/assets/${name}`, ({ request }) => sendFile(request, file))
  }
  return app
}

// `'self'` covers the WebSocket of the same host. A script is the service's own, and can turn no text into HTML.
const forScripts = ["script-src 'self'", "connect-src 'self'", "require-trusted-types-for 'script'"]

const policyFor = (hasScripts: boolean) =>
  [
    "default-src 'none'",
    ...(hasScripts ? forScripts : []),
    "style-src 'self'",
    "img-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
