import type { Section } from '../../../openapi/article'
import { authSeconds, expiryWarningSeconds, ticketSeconds } from '../limits'

/** The ways in, and what keeps a socket open. */
export const connecting: Section = {
  id: 'connect',
  title: 'Connect',
  blocks: [
    {
      text:
        'Open `/api/v1/ws` with the access token of a sign-in. There are five ways to show it; all give the same socket, ' +
        'and the server says `ready` first.',
    },
    {
      list: [
        `**A ticket**, for browsers: \`POST /api/v1/ws/tickets\` with the access token as bearer answers \`{ticket, expires_in}\`. Connect to \`/api/v1/ws?ticket=…\` within ${ticketSeconds} seconds; it is good for one connection.`,
        '**Subprotocols**: `new WebSocket(url, ["bearer", token])`. The server answers with `bearer`.',
        '**A header**, where the client can set one: `Authorization: Bearer …`.',
        `**The first message**: \`{"type":"auth","token":"…"}\` within ${authSeconds} seconds. A token that is not good closes the socket with 4401.`,
        '**In the address**, the last choice: `/api/v1/ws?token=…`. Our log leaves it out, the logs of proxies and the history of a browser do not.',
      ],
    },
    {
      text:
        'What is wrong with a handshake is said in HTTP, before any socket: 401 `invalid_token`, 403 `forbidden` for a page of ' +
        'an origin that is neither this one nor in `CORS_ORIGINS`, 426 `upgrade_required`, 503 `shutting_down`. The script of ' +
        'a page is told only that the socket closed with 1006.',
    },
    {
      text: `A socket ends with its token. \`expiring\` comes ${expiryWarningSeconds} seconds before: [refresh](/docs) and send \`auth\` with the new access token of the same session, and it stays. Logout, a new password, a deactivated or deleted account end it at once, everywhere.`,
    },
    {
      text:
        'The server sends ping frames, which every WebSocket library answers by itself. `ping` and `pong` as messages are for ' +
        'scripts that want to know whether the link lives.',
    },
  ],
}

/** A test runs it as it stands on the page. */
export const example: Section = {
  id: 'example',
  title: 'A client in a few lines',
  blocks: [
    {
      text:
        'Listens to a channel in a browser or in Bun, comes back after a lost link and misses nothing. `token()` answers an ' +
        'access token that is still good, `since` is the last offset that was seen.',
    },
    {
      code: `async function listen(channel, token, show, since) {
  const socket = new WebSocket('ws://127.0.0.1:3000/api/v1/ws', ['bearer', await token()])
  socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', channel, since }))
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data)
    if (message.offset >= 0 && !message.recovered) since = message.offset
    if (message.channel === channel && message.type === 'message') show(message)
  }
  const again = (reason) =>
    setTimeout(listen, Number(/\\d+/.exec(reason) ?? 1000), channel, token, show, since)
  socket.onclose = ({ code, reason }) => code === 4403 || again(reason)
}`,
    },
  ],
}
