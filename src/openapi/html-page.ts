type Page = { title: string; styles: string[]; scripts: string[]; body: string }

/** A page without inline scripts and styles, so that its policy need not allow them. */
export const htmlPage = ({ title, styles, scripts, body }: Page) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/docs/assets/favicon.png">
${styles.map((name) => `<link rel="stylesheet" href="/docs/assets/${name}">`).join('\n')}
</head>
<body>
${body}
${scripts.map((name) => `<script src="/docs/assets/${name}"></script>`).join('\n')}
</body>
</html>
`

/** The page of Swagger UI. See docs/workarounds.md#swagger-page-hosts. */
export const docsPage = () =>
  htmlPage({
    title: 'fastkit API',
    styles: ['swagger-ui.css', 'docs.css'],
    scripts: ['swagger-ui-bundle.js', 'docs.js'],
    body: '<main id="docs"><noscript>Without scripts: <a href="/docs/openapi.json">openapi.json</a></noscript></main>',
  })
