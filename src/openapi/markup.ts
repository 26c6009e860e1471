export type Table = { head: string[]; rows: string[][] }

/** Text for a page: `code`, **stress** and [links](/docs) are marked up, everything else stays text. */
export const inHtml = (text: string) =>
  Bun.escapeHTML(text)
    .replace(/`([^`]*)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]*)\*\*/g, '<strong>$1</strong>')
    .replace(/\[([^\]]*)\]\(([^)\s]*)\)/g, '<a href="$2">$1</a>')

/** Scrolls by itself where the page is narrow, and can be reached by keyboard for that. */
export const tableInHtml = ({ head, rows }: Table) => `<div class="scroll" tabindex="0">
<table>
<thead><tr>${head.map((cell) => `<th scope="col">${inHtml(cell)}</th>`).join('')}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${inHtml(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody>
</table>
</div>`

/** A program or JSON, as it is. */
export const codeInHtml = (code: string) => `<pre tabindex="0"><code>${Bun.escapeHTML(code)}</code></pre>`
