import { Elysia } from 'elysia'
import type { Config } from '../core/config'
import { fail } from '../core/errors'
import { docsAssets } from './docs/assets'
import { errorsPage } from './docs/errors-page'
import type { Route } from './docs/openapi-paths'
import { docsPage } from './docs/page'
import { sendFile, staticFile } from './docs/static-file'

type Options = {
  config: Pick<Config, 'hasDocs' | 'publicUrl'>
  /** What each tag is about, in the order of the page. */
  sections: Record<string, string>
  /** Asked when the document is first wanted, for by then every route is there. */
  routes: () => Route[]
}

/** Swagger UI, the OpenAPI document and the list of errors; `/` leads there. Nothing at all with DOCS=off. */
export function docs({ config: { hasDocs, publicUrl }, sections, routes }: Options) {
  if (!hasDocs) return new Elysia({ name: 'docs' })
  const assets = docsAssets()
  const assetNamed = (name: string) => {
    const asset = assets.get(name)
    if (!asset) throw fail('not_found')
    return asset
  }
  const page = staticFile(html, docsPage)
  const errors = staticFile(html, errorsPage)
  const document = staticFile('application/json', async () => {
    // The generator takes longer to load than the service to start, and most never need it.
    const { describeApi } = await import('./docs/openapi')
    return describeApi({ routes: routes(), sections, publicUrl })
  })
  return new Elysia({ name: 'docs', detail: { hide: true } })
    .get('/', ({ redirect }) => redirect('/docs', 302))
    .get('/docs', ({ request }) => sendFile(request, page, policy))
    .get('/docs/errors', ({ request }) => sendFile(request, errors, policy))
    .get('/docs/openapi.json', ({ request }) => sendFile(request, document))
    .get('/docs/assets/:name', ({ request, params }) => sendFile(request, assetNamed(params.name)))
}

const html = 'text/html; charset=utf-8'

// Files of this service and nothing else; `data:` is for the icons in Swagger UI's style sheet.
const policy = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; '),
}
