import { Elysia } from 'elysia'
import protocol from '../../../docs/websocket.md' with { type: 'text' }
import type { Base, Deps, Runtime } from '../../deps'
import { PageQuery } from '../../http/pagination-schemas'
import { createdWithoutLocation } from '../../http/responses'
import { bodyFailures, EmptyQuery, failures } from '../../http/schemas'
import { htmlPage } from '../../openapi/html-page'
import { markdownPage } from '../../openapi/markdown-page'
import { docsPages } from '../../openapi/page-routes'
import { guard } from '../auth/guard'
import { consoleFiles, consolePage } from './console-page'
import { admitSocket, normaliseUpgrade, requireUpgrade, socketActor } from './guard'
import { maxFrameBytes, maxUnsentBytes } from './limits'
import {
  ByChannel,
  ChannelMessage,
  ConnectQuery,
  MessagePage,
  NewMessage,
  Presence,
  SwitchingProtocols,
  Ticket,
} from './schema'
import * as realtime from './service'
import { createSockets } from './sockets'
import * as tickets from './tickets'

type SocketRuntime = Pick<Runtime, 'deps' | 'hub' | 'lifecycle'>

/** Options of the server, not of the route. See docs/workarounds.md#elysia-ws-limits. */
export const webSocketOptions = {
  maxPayloadLength: maxFrameBytes,
  // Never reached, because a socket is closed at half of it. See docs/workarounds.md#bun-ws-send.
  backpressureLimit: 2 * maxUnsentBytes,
  closeOnBackpressureLimit: false,
  perMessageDeflate: false,
  idleTimeout: 120,
  // The realtime module sends its own pings.
  sendPings: false,
}

/** The WebSocket and its tickets. */
export const socketRoutes = ({ deps, hub, lifecycle }: SocketRuntime) => {
  const sockets = createSockets(deps, hub)
  return new Elysia({ prefix: '/ws', tags: ['realtime'] })
    .use(guard(deps))
    .onRequest(({ request }) => {
      // Braces around the body. See docs/workarounds.md#elysia-hook-cost.
      normaliseUpgrade(request)
    })
    .ws('', {
      query: ConnectQuery,
      // An array, so that it runs once. See docs/workarounds.md#elysia-ws-beforehandle-twice.
      beforeHandle: [
        ({ request, query, set }) => admitSocket({ deps, hub, lifecycle }, { request, query, set }),
      ],
      open: (ws) => sockets.open(ws.data, ws.raw, socketActor(ws.data.request)),
      message: (ws, frame) => sockets.receive(ws.data, frame),
      ping: (ws) => sockets.onHeartbeat(ws.data),
      pong: (ws) => sockets.onHeartbeat(ws.data),
      close: (ws, code) => sockets.close(ws.data, code),
    })
    .get('', () => requireUpgrade(), {
      query: ConnectQuery,
      response: {
        101: SwitchingProtocols,
        ...failures('invalid_token', 'forbidden', 'upgrade_required', 'overloaded'),
      },
      detail: {
        operationId: 'connect',
        summary: 'Open a WebSocket',
        description:
          'Authenticate with the `Authorization` header, with the subprotocols `bearer` and the access token, with a `ticket`, ' +
          'or with a first message `auth` within 10 seconds. A page must have this origin or one of CORS_ORIGINS. ' +
          '[The protocol](/docs/websocket); [a console to try it](/docs/websocket/console).',
        security: [{ bearer: [] }, {}],
      },
    })
    .post('/tickets', ({ actor, set }) => createdWithoutLocation(set, tickets.issue(deps, actor)), {
      auth: true,
      query: EmptyQuery,
      response: { 201: Ticket, ...failures() },
      detail: {
        operationId: 'createTicket',
        summary: 'Create a ticket for one WebSocket',
        description: 'It replaces the access token if the client cannot set a header, as in a browser.',
      },
    })
}

/** Publish, history and presence over HTTP. */
export const channelsRoutes = (deps: Deps) =>
  new Elysia({ prefix: '/channels', tags: ['realtime'] })
    .use(guard(deps))
    .post(
      '/:channel/messages',
      ({ actor, body, params, set }) =>
        createdWithoutLocation(set, realtime.publish(deps, actor, { ...params, ...body, socketId: null })),
      {
        auth: true,
        params: ByChannel,
        query: EmptyQuery,
        body: NewMessage,
        response: { 201: ChannelMessage, ...bodyFailures('forbidden') },
        detail: {
          operationId: 'publishMessage',
          summary: 'Publish to a channel',
          description:
            'The message goes to every subscriber, also to the sockets of the caller. The caller needs no subscription.',
        },
      },
    )
    .get(
      '/:channel/messages',
      ({ actor, params, query }) => realtime.history(deps, actor, { ...params, ...query }),
      {
        auth: true,
        params: ByChannel,
        query: PageQuery,
        response: { 200: MessagePage, ...failures('forbidden') },
        detail: {
          operationId: 'listMessages',
          summary: 'List the messages of a channel',
          description:
            'The last 100 messages of the last 24 hours, newest first. Only `room:` and `user:` channels have a history.',
        },
      },
    )
    .get('/:channel/presence', ({ actor, params }) => realtime.presence(deps, actor, params.channel), {
      auth: true,
      params: ByChannel,
      query: EmptyQuery,
      response: { 200: Presence, ...failures('forbidden') },
      detail: {
        operationId: 'getPresence',
        summary: 'List the members of a channel',
        description: 'The members are the users who are subscribed. Only members and admins may ask.',
      },
    })

/** The documentation of the protocol, and a page to try it. */
export const socketDocs = ({ config }: Base) =>
  docsPages(config, {
    pages: [
      { path: '/docs/websocket', runs: 'nothing', html: () => markdownPage(protocol) },
      { path: '/docs/websocket/console', runs: 'own scripts', html: () => htmlPage(consolePage) },
    ],
    files: consoleFiles,
  })
