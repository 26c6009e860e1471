import { Elysia } from 'elysia'
import { version } from '../../package.json'
import { optionsOf, type Route } from '../http/route-options'
import { createComponents } from './components'
import { describePaths } from './paths'

type Options = {
  routes: Route[]
  /** The description of each tag, in the order of the page. */
  sections: Record<string, string>
  publicUrl: string | null
}

/** The OpenAPI document of `routes`, as JSON text. It leaves out routes with `hide` in their `detail`. */
export function describeApi({ routes, sections, publicUrl }: Options): Promise<string> {
  const components = createComponents()
  const paths = describePaths(routes, components)
  const server = publicUrl?.replace(/\/+$/, '') ?? ''
  const tokenEndpoint = routes.find((route) => optionsOf(route).isTokenEndpoint)?.path ?? ''
  return serve({
    // 3.1 and not 3.0: its schemas are JSON Schema, as those of TypeBox.
    openapi: '3.1.0',
    info,
    servers: [{ url: server || '/' }],
    tags: Object.entries(sections).map(([name, description]) => ({ name, description })),
    paths,
    components: { securitySchemes: schemesWith(`${server}${tokenEndpoint}`), ...components.all },
  })
}

/**
 * Returns the document as @elysiajs/swagger serves it, without the page of the plugin. See
 * docs/workarounds.md#swagger-document and docs/workarounds.md#swagger-page-hosts.
 */
async function serve(documentation: object): Promise<string> {
  // Loading the plugin takes longer than starting the service, and most processes never need it.
  const { swagger } = await import('@elysiajs/swagger')
  const app = new Elysia().use(swagger({ specPath, documentation }))
  const response = await app.handle(new Request(`http://localhost${specPath}`))
  return JSON.stringify(await response.json(), null, 2)
}

const specPath = '/openapi.json'

const info = {
  title: 'fastkit API',
  version,
  description: [
    'Accounts, tokens, sessions, roles and channels.',
    'Send the access token as `Authorization: Bearer …`. Every failure is `application/problem+json` with a stable' +
      ' `code`; [the list of codes](/docs/errors) says what each one means.',
  ].join('\n\n'),
  contact: { name: 'fastkit' },
  license: { name: 'MIT', identifier: 'MIT' },
}

const schemesWith = (tokenUrl: string) => ({
  oauth2: {
    type: 'oauth2',
    description: 'Signs in with e-mail address and password; leave the client fields empty.',
    flows: { password: { tokenUrl, refreshUrl: tokenUrl, scopes: {} } },
  },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The `access_token` of a sign-in.',
  },
})
