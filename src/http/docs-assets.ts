import favicon from 'swagger-ui-dist/favicon-32x32.png' with { type: 'file' }
import swaggerCss from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import swaggerJs from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import docsCss from './pages/docs.css' with { type: 'file' }
import docsJs from './pages/docs.js' with { type: 'file' }
import errorsCss from './pages/errors.css' with { type: 'file' }
import { type StaticFile, staticFile } from './static-file'

const css = 'text/css; charset=utf-8'
const js = 'text/javascript; charset=utf-8'

/** What the pages under `/docs` load, by name. All of it is inside the executable. */
export const docsAssets = (): Map<string, StaticFile> =>
  new Map([
    ['favicon.png', asset('image/png', favicon)],
    ['swagger-ui.css', asset(css, swaggerCss)],
    ['swagger-ui-bundle.js', asset(js, swaggerJs)],
    ['docs.css', asset(css, docsCss)],
    ['docs.js', asset(js, docsJs)],
    ['errors.css', asset(css, errorsCss)],
  ])

const asset = (type: string, path: string) => staticFile(type, () => Bun.file(path).bytes())
