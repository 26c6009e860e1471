import { afterAll, beforeAll, describe } from 'bun:test'
import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'

const usual = '/usr/bin/chromium'
const path = Bun.env['CHROMIUM'] || usual
const isAsked = Boolean(Bun.env['CHROMIUM'] || Bun.env['CI'])

/** The reason to skip browser tests; `null` when a browser exists or is required. */
const browserIsMissing = isAsked || existsSync(usual) ? null : `no CHROMIUM and no ${usual}`

/** A `describe` that needs a browser. `work` gets a function that opens a page. */
export const describeInBrowser = (what: string, work: (open: () => ReturnType<typeof openPage>) => void) =>
  describe.skipIf(browserIsMissing !== null)(
    `${what}${browserIsMissing ? ` (${browserIsMissing})` : ''}`,
    () => {
      let browser: Browser | null = null
      beforeAll(async () => {
        browser = await openBrowser()
      })
      afterAll(() => browser?.close())
      work(() => {
        if (!browser) throw new Error('a page is opened in a test')
        return openPage(browser)
      })
    },
  )

/** A browser with a fresh profile and without background requests. */
const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: path,
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })

/** A page in a separate profile, and its errors and failed requests. */
async function openPage(browser: Browser): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  return { page, complaints }
}

/** Collects the secrets that a page receives, for the leak check. */
export function watchSecrets(page: Page, secrets: Set<string>) {
  page.on('response', async (response) => {
    if (!/\/(auth|ws)\/\w+$/.test(response.url())) return
    const content: unknown = await response.json().catch(() => null)
    for (const [key, value] of Object.entries(content ?? {}))
      if (/_token$|^ticket$/.test(key)) secrets.add(String(value))
  })
}
