import { errorCodes } from '../core/errors'
import { catalogue } from '../http/error-catalogue'
import { htmlPage } from './html-page'

/** Every code of the catalogue with its status and meaning, under an anchor that a problem's `type` points at. */
export const errorsPage = () =>
  htmlPage({
    title: 'fastkit errors',
    styles: ['page.css', 'errors.css'],
    scripts: [],
    body: `<main>
<h1>Errors</h1>
<p>A failure is answered as <code>application/problem+json</code> (RFC 9457). Its <code>code</code> is one of these and
never changes its meaning; <code>request_id</code> finds the request in the log. <a href="/docs">Back to the API</a></p>
<dl>
${errorCodes.map(entry).join('\n')}
</dl>
</main>`,
  })

function entry(code: (typeof errorCodes)[number]) {
  const { status, title, meaning } = catalogue[code]
  return `<div id="${code}">
<dt><a href="#${code}"><code>${code}</code></a> <b>${status}</b></dt>
<dd>${Bun.markdown.html(`${title}. ${meaning}`)}</dd>
</div>`
}
