import { htmlPage } from './html-page'

/** Renders a Markdown file. Headings have anchors, and HTML in the file is shown as text. */
export function markdownPage(markdown: string): string {
  const [, title = ''] = /^# (.*)$/m.exec(markdown) ?? []
  const content = Bun.markdown.html(markdown, { headings: true, noHtmlBlocks: true, noHtmlSpans: true })
  return htmlPage({
    title: `fastkit ${title}`,
    styles: ['page.css', 'markdown.css'],
    scripts: [],
    body: `<main>\n${accessible(content)}</main>`,
  })
}

/** Makes wide tables and code scroll, with the keyboard too, and marks the column headers for screen readers. */
const accessible = (html: string) =>
  html
    .replaceAll('<table>', '<div class="scroll" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll('<pre>', '<pre tabindex="0">')
    .replaceAll('<th>', '<th scope="col">')
