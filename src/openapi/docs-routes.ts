import { Elysia } from 'elysia'
import type { Config } from '../core/config'
import type { Route } from '../http/route-options'
import { sendFile, staticFile } from '../http/static-file'
import { describeApi } from './document'
import { errorsPage } from './errors-page'
import { docsPage } from './html-page'
import { docsFiles } from './page-assets'
import { docsPages } from './page-routes'

type Options = {
  config: Pick<Config, 'hasDocs' | 'publicUrl'>
  /** The description of each tag, in the order of the page. */
  sections: Record<string, string>
  /** Called with the first request for the document, when the application is complete. */
  routes: () => Route[]
}

/** Swagger UI, the OpenAPI document and the list of errors; `/` redirects there. With DOCS=off there is none of it. */
export function docs({ config, sections, routes }: Options) {
  const app = new Elysia({ name: 'docs', detail: { hide: true } })
  if (!config.hasDocs) return app
  const document = staticFile('application/json', () =>
    describeApi({ routes: routes(), sections, publicUrl: config.publicUrl }),
  )
  return app
    .get('/', ({ redirect }) => redirect('/docs', 302))
    .get('/docs/openapi.json', ({ request }) => sendFile(request, document))
    .use(
      docsPages(config, {
        pages: [
          { path: '/docs', runs: 'swagger-ui', html: docsPage },
          { path: '/docs/errors', runs: 'nothing', html: errorsPage },
        ],
        files: docsFiles,
      }),
    )
}
