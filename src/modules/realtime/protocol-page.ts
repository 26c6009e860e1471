import type { Article, Section } from '../../openapi/article'
import { historyMessages, historySeconds, idleChannelDays } from './limits'
import { clientMessages, serverMessages } from './messages'
import { connecting, example } from './protocol-page/connect'
import { channelTable, closeTable, errorTable, limitTable } from './protocol-page/protocol-tables'

/** The protocol, told from the schemas, rights, codes and limits that it runs on. */
export const guide = (): Article => ({
  title: 'WebSocket',
  lead:
    'Channels over one socket at `/api/v1/ws`: JSON objects in text frames, each with a `type`. Try it in the ' +
    '[console](/docs/websocket/console). [Back to the API](/docs)',
  sections: [
    connecting,
    example,
    fromClient(),
    fromServer(),
    channels(),
    recovery,
    http,
    closing(),
    limits(),
  ],
})

const fromClient = (): Section => ({
  id: 'client',
  title: 'What a client sends',
  blocks: [
    {
      text:
        'A number or a text as `id` comes back in the answer. Messages of one socket are carried out one after the other, ' +
        'in the order they were sent. A field that is not listed is refused.',
    },
    { shapes: clientMessages },
  ],
})

const fromServer = (): Section => ({
  id: 'server',
  title: 'What the server sends',
  blocks: [
    {
      text: 'Answers carry the `id` of what they answer. New types and fields may be added: skip what you do not know.',
    },
    { shapes: serverMessages },
    { text: 'An `error` leaves the socket open. Its `code` is one of these:' },
    { table: errorTable() },
  ],
})

const channels = (): Section => ({
  id: 'channels',
  title: 'Channels and rights',
  blocks: [
    { table: channelTable() },
    {
      text:
        'Publishing needs the right and no subscription. A publisher that listens gets `published` and not its own message; ' +
        '`from` is the user of its session, whatever the client says. Everyone listens to `system` from the start.',
    },
    {
      text:
        'Who is there is counted by user: `joined` comes with the first socket and `left` after the last one. To ask for ' +
        '`presence` one has to be there, or be an admin. A right that is lost ends the subscription: `unsubscribed` comes ' +
        'unasked, with the reason.',
    },
  ],
})

const recovery: Section = {
  id: 'recovery',
  title: 'History and recovery',
  blocks: [
    {
      text: `Messages of a channel with a history carry an \`offset\`, one more each time. The last ${historyMessages} of them are kept for ${historySeconds / 3600} hours. Remember the latest offset you saw, of a \`message\`, of \`published\` or of \`subscribed\`; after a lost link send it as \`since\`.`,
    },
    {
      text:
        '`subscribed` with `recovered: true`: all that was missed follows, in order, without gap or double, and then what is ' +
        'new. With `recovered: false` some of it is no longer kept: load the state afresh and go on from the `offset` in the ' +
        'answer. That can also come unasked, when the server lost messages on the way.',
    },
    {
      text: `A channel that nobody published to for ${idleChannelDays} days starts again at offset 1; an offset from before is not recovered.`,
    },
  ],
}

const http: Section = {
  id: 'http',
  title: 'The same over HTTP',
  blocks: [
    {
      text:
        '`POST /api/v1/channels/{channel}/messages` publishes, `GET` on it reads the history page by page, and `GET ' +
        '/api/v1/channels/{channel}/presence` says who is there; see [the API](/docs). What is published this way reaches ' +
        'every listener, those of the publisher too.',
    },
  ],
}

const closing = (): Section => ({
  id: 'close',
  title: 'Close codes',
  blocks: [
    { table: closeTable() },
    {
      text:
        'A server that goes away gives each socket a random wait in the reason, `goingAway, retry in 4200 ms`, so that not all ' +
        'come back at once. Until it is gone it refuses new sockets with 503 `shutting_down`.',
    },
    { text: '1006 is not sent: it is how a client names a lost link or a refused handshake. Connect again.' },
  ],
})

const limits = (): Section => ({
  id: 'limits',
  title: 'Limits',
  blocks: [{ text: 'By their names in `src/modules/realtime/limits.ts`.' }, { table: limitTable() }],
})
