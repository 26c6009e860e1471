import favicon from 'swagger-ui-dist/favicon-32x32.png' with { type: 'file' }
import swaggerCss from 'swagger-ui-dist/swagger-ui.css' with { type: 'file' }
import swaggerJs from 'swagger-ui-dist/swagger-ui-bundle.js' with { type: 'file' }
import { type StaticFile, staticFile } from '../http/static-file'
import errorsCss from './errors-page.css' with { type: 'file' }
import markdownCss from './markdown.css' with { type: 'file' }
import pageCss from './page.css' with { type: 'file' }
import docsCss from './swagger-ui.css' with { type: 'file' }
import docsJs from './swagger-ui.js' with { type: 'file' }

/** The files that the pages of this folder load, by name. They are embedded in the executable. */
export const docsFiles = {
  'favicon.png': favicon,
  'swagger-ui.css': swaggerCss,
  'swagger-ui-bundle.js': swaggerJs,
  'docs.css': docsCss,
  'docs.js': docsJs,
  'page.css': pageCss,
  'errors.css': errorsCss,
  'markdown.css': markdownCss,
}

/** The media type follows from the name, because a path inside the executable may have another extension. */
export const docsAsset = (name: string, path: string): StaticFile =>
  staticFile(types[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream', () => Bun.file(path).bytes())

const types: Record<string, string> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
}
