import { htmlPage } from './html-page'

/** A page from a Markdown file of ours. Its headings are anchors, and HTML in the file stays text. */
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

/** Lets wide tables and code scroll by themselves, also by keyboard, and names the column headers. */
const accessible = (html: string) =>
  html
    .replaceAll('<table>', '<div class="scroll" tabindex="0"><table>')
    .replaceAll('</table>', '</table></div>')
    .replaceAll('<pre>', '<pre tabindex="0">')
    .replaceAll('<th>', '<th scope="col">')
