const api = '/api/v1'
const maxEntries = 500
// The server warns at the same time: this long before a token expires, or a third of its life.
const maxSecondsToSpare = 30
const byId = (id) => document.getElementById(id)

// The tokens are kept in memory only, so that they are gone when the page is closed.
let session = null
let socket = null
let lastId = 0
/** The last offset of each subscribed channel; null for a channel without a history. */
const channels = new Map()

byId('sign-in').addEventListener('submit', attempt(signIn))
byId('connection').addEventListener('submit', attempt(connect))
byId('disconnect').addEventListener('click', () => socket?.close(1000))
byId('sign-out').addEventListener('click', attempt(signOut))
byId('channel').addEventListener('submit', attempt(subscribe))
for (const type of ['presence', 'unsubscribe'])
  byId(type).addEventListener(
    'click',
    attempt(() => send({ type, channel: channelNamed() })),
  )
byId('publish').addEventListener('submit', attempt(publish))
byId('any').addEventListener('submit', attempt(sendAny))
byId('clear').addEventListener('click', () => byId('log').replaceChildren())
for (const area of document.querySelectorAll('textarea')) area.addEventListener('keydown', submitByKeyboard)

/** Makes an event handler that keeps the browser from submitting the form, and that shows errors on the page. */
function attempt(work) {
  return async (event) => {
    event.preventDefault()
    byId('problem').hidden = true
    try {
      await work(event.target)
    } catch ({ message }) {
      byId('problem').textContent = message
      byId('problem').hidden = false
    }
  }
}

function submitByKeyboard(event) {
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
  event.preventDefault()
  event.target.form.requestSubmit()
}

async function signIn(form) {
  const { email, password } = Object.fromEntries(new FormData(form))
  keep(await call('/auth/login', { body: { email, password, device_name: 'WebSocket console' } }))
  form.reset()
  byId('who').textContent = email
  showAccount(true)
  byId('connect').focus()
}

async function signOut() {
  const { accessToken } = session
  session = null
  socket?.close(1000)
  showAccount(false)
  byId('sign-in').elements.email.focus()
  await call('/auth/logout', { token: accessToken })
}

function showAccount(isSignedIn) {
  byId('sign-in').hidden = isSignedIn
  byId('account').hidden = !isSignedIn
}

function keep({ access_token, refresh_token, expires_in }) {
  session = {
    accessToken: access_token,
    refreshToken: refresh_token,
    refreshAt: Date.now() + (expires_in - Math.min(maxSecondsToSpare, expires_in / 3)) * 1000,
  }
}

/** Returns an access token that does not expire in the next seconds. */
async function freshToken() {
  if (Date.now() > session.refreshAt) await refresh()
  return session.accessToken
}

async function refresh() {
  keep(await call('/auth/refresh', { body: { refresh_token: session.refreshToken } }))
}

/** Sends a POST request. Throws an error with the texts of the problem. */
async function call(path, { body, token }) {
  const response = await fetch(api + path, {
    method: 'POST',
    headers: {
      ...(body && { 'content-type': 'application/json' }),
      ...(token && { authorization: `Bearer ${token}` }),
    },
    body: body && JSON.stringify(body),
  })
  const content = response.status === 204 ? null : await response.json()
  if (response.ok) return content
  const details = (content.errors ?? []).map(({ pointer, message }) => `${pointer} ${message}`)
  throw new Error([content.title, ...details].join(', '))
}

async function connect(form) {
  const way = form.elements.way.value
  const token = await freshToken()
  const address = new URL(`${api}/ws`, location.href)
  address.protocol = location.protocol.replace('http', 'ws')
  if (way === 'ticket') address.searchParams.set('ticket', (await call('/ws/tickets', { token })).ticket)
  socket?.close(1000)
  const opened = way === 'protocol' ? new WebSocket(address, ['bearer', token]) : new WebSocket(address)
  socket = opened
  showState('Connecting …')
  byId('connect').disabled = true
  byId('disconnect').disabled = false
  opened.addEventListener('open', () => {
    if (way === 'message') send({ type: 'auth', token })
  })
  opened.addEventListener('message', ({ data }) => receive(data))
  opened.addEventListener('close', ({ code, reason }) => onClose(opened, { code, reason }))
}

function onClose(closedSocket, { code, reason }) {
  note('closed', 'received', reason ? `${code} ${reason}` : `${code}`)
  if (closedSocket !== socket) return
  socket = null
  channels.clear()
  showChannels()
  showState(`Closed with ${code}${reason ? ` (${reason})` : ''}`)
  byId('connect').disabled = false
  byId('disconnect').disabled = true
  byId('messages').disabled = true
}

function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) throw new Error('Not connected')
  const text = JSON.stringify({ ...message, id: ++lastId })
  socket.send(text)
  note(message.type, 'sent', message.token ? text.replace(message.token, '…') : text)
}

const channelNamed = () => byId('channel').elements.channel.value.trim()

function subscribe(form) {
  const since = form.elements.since.value
  send({ type: 'subscribe', channel: channelNamed(), ...(since !== '' && { since: Number(since) }) })
}

function publish(form) {
  send({ type: 'publish', channel: channelNamed(), data: jsonOrText(form.elements.data.value) })
}

function jsonOrText(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function sendAny(form) {
  const message = jsonOrText(form.elements.json.value)
  if (typeof message !== 'object' || message === null) throw new Error('Not a JSON object')
  send(message)
}

function receive(text) {
  const message = JSON.parse(text)
  note(message.type, 'received', text)
  const { channel, offset = null } = message
  if (message.type === 'ready') showReady()
  if (message.type === 'expiring') void attempt(renew)(new Event('expiring'))
  if (message.type === 'subscribed') channels.set(channel, offset)
  if (message.type === 'unsubscribed') channels.delete(channel)
  if (offset !== null && channels.has(channel)) channels.set(channel, Math.max(offset, channels.get(channel)))
  showChannels()
}

function showReady() {
  const wasReady = !byId('messages').disabled
  showState('Connected', true)
  byId('messages').disabled = false
  if (!wasReady) byId('channel').elements.channel.focus({ preventScroll: true })
}

/** Sends a new token, because the socket is closed when its token expires. */
async function renew() {
  await refresh()
  send({ type: 'auth', token: session.accessToken })
}

function showState(text, isOpen = false) {
  byId('state').textContent = text
  byId('state').toggleAttribute('data-open', isOpen)
}

function showChannels() {
  const items = [...channels].map(([channel, offset]) => {
    const item = document.createElement('li')
    item.textContent = offset === null ? channel : `${channel} at ${offset}`
    return item
  })
  byId('channels').replaceChildren(...items)
}

/** Adds an entry to the log. Messages are inserted as text and never as HTML, because other users wrote them. */
function note(type, direction, text) {
  const log = byId('log')
  const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4
  const entry = document.createElement('li')
  entry.className = type === 'error' ? `${direction} error` : direction
  const time = document.createElement('time')
  time.textContent = new Date().toLocaleTimeString('en-GB')
  const title = document.createElement('strong')
  title.textContent = `${direction === 'sent' ? '→' : '←'} ${type}`
  const content = document.createElement('pre')
  content.textContent = text
  entry.append(time, title, content)
  log.append(entry)
  if (log.childElementCount > maxEntries) log.firstElementChild.remove()
  if (isAtEnd) log.scrollTop = log.scrollHeight
}
