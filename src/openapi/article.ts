import { htmlPage } from './html-page'
import type { Schema } from './json-schema'
import { codeInHtml, inHtml, type Table, tableInHtml } from './markup'
import { shapesInHtml } from './schema-tables'

/** A page of prose, tables and shapes, without a script. In its texts `code`, **stress** and [links](/docs) are. */
export type Article = { title: string; lead: string; sections: Section[] }
export type Section = { id: string; title: string; blocks: Block[] }
type Block =
  | { text: string }
  | { list: string[] }
  | { table: Table }
  | { code: string }
  /** Each with its fields and an example, under an anchor `<section>-<name>`. */
  | { shapes: Record<string, Schema> }

export const articlePage = ({ title, lead, sections }: Article) =>
  htmlPage({
    title: `fastkit ${title}`,
    styles: ['page.css', 'article.css'],
    scripts: [],
    body: `<main>
<h1>${inHtml(title)}</h1>
<p>${inHtml(lead)}</p>
<nav aria-label="Contents">
<ul>
${sections.map((section) => `<li><a href="#${section.id}">${inHtml(section.title)}</a></li>`).join('\n')}
</ul>
</nav>
${sections.map(sectionInHtml).join('\n')}
</main>`,
  })

const sectionInHtml = ({ id, title, blocks }: Section) => `<section id="${id}">
<h2><a href="#${id}">${inHtml(title)}</a></h2>
${blocks.map((block) => blockInHtml(block, id)).join('\n')}
</section>`

function blockInHtml(block: Block, id: string): string {
  if ('text' in block) return `<p>${inHtml(block.text)}</p>`
  if ('list' in block)
    return `<ol>\n${block.list.map((item) => `<li>${inHtml(item)}</li>`).join('\n')}\n</ol>`
  if ('code' in block) return codeInHtml(block.code)
  return 'table' in block ? tableInHtml(block.table) : shapesInHtml(block.shapes, id)
}
