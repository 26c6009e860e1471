import { expect, setDefaultTimeout, test } from 'bun:test'
import { describeInBrowser, watchSecrets } from '../support/browser'
import { useService } from '../support/service'

setDefaultTimeout(60_000)

describeInBrowser('Swagger UI in a browser', (openPage) => {
  const service = useService()

  test('signs in with the Authorize button, at the token endpoint and without a scope', async () => {
    const user = await service.register()
    const { page, complaints } = await openPage()
    watchSecrets(page, service.secrets)
    await page.goto(`${service.url}/docs`)
    await page.locator('.auth-wrapper .authorize').first().click()
    await page.locator('#oauth_username').fill(user.email)
    await page.locator('#oauth_password').fill(user.password)
    const answer = page.waitForResponse((response) => response.url().endsWith('/auth/token'))
    await page.locator('.auth-btn-wrapper .authorize').first().click()
    const response = await answer
    expect(response.status()).toBe(200)
    const sent = new URLSearchParams(response.request().postData() ?? '')
    expect(sent.get('scope') ?? '').toBe('')
    await page.locator('.auth-container').getByText('Logout').first().waitFor()
    expect(complaints).toEqual([])
  })
})
