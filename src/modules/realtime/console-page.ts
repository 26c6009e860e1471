import css from './console-page/console.css' with { type: 'file' }
import js from './console-page/console.js' with { type: 'file' }

export const consoleFiles = { 'console.css': css, 'console.js': js }

const account = `<form id="sign-in" method="post">
<h2>Sign in</h2>
<label>E-mail address <input name="email" type="email" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<p class="buttons"><button class="main">Sign in</button></p>
</form>
<section id="account" hidden>
<h2>Connection</h2>
<p>Signed in as <strong id="who"></strong>. The tokens are kept in the memory of this page only.</p>
<form id="connection">
<label>Show the token <select name="way">
<option value="ticket">with a ticket</option>
<option value="protocol">as a subprotocol</option>
<option value="message">in the first message</option>
</select></label>
<p class="buttons"><button class="main" id="connect">Connect</button>
<button type="button" id="disconnect" disabled>Disconnect</button>
<button type="button" id="sign-out">Sign out</button></p>
</form>
</section>`

const messages = `<fieldset id="messages" disabled>
<legend>Messages</legend>
<form id="channel">
<h2>Channel</h2>
<p class="pair"><label>Name <input name="channel" value="room:lobby" autocomplete="off" spellcheck="false" required></label>
<label>Since offset <input name="since" type="number" min="0" step="1" placeholder="none"></label></p>
<p class="buttons"><button class="main">Subscribe</button>
<button type="button" id="presence">Presence</button>
<button type="button" id="unsubscribe">Unsubscribe</button></p>
<ul id="channels" aria-label="Subscribed channels"></ul>
</form>
<form id="publish">
<h2>Publish</h2>
<label for="data">Data, as JSON or as text</label>
<textarea id="data" name="data" rows="3" spellcheck="false" required>{"text": "hello"}</textarea>
<p class="buttons"><button class="main">Publish</button></p>
</form>
<form id="any">
<h2>Any message</h2>
<label for="json">JSON</label>
<textarea id="json" name="json" rows="2" spellcheck="false" required>{"type": "ping"}</textarea>
<p class="buttons"><button>Send</button></p>
</form>
</fieldset>`

/** A page to try the protocol. Its script inserts text and never HTML, because messages come from other users. */
export const consolePage = {
  title: 'fastkit WebSocket console',
  styles: ['page.css', 'console.css'],
  scripts: ['console.js'],
  body: `<header>
<h1>WebSocket console</h1>
<p><a href="/docs/websocket">The protocol</a> · <a href="/docs">The API</a></p>
</header>
<main>
<noscript><p>The console needs scripts.</p></noscript>
<div id="controls">
<p id="problem" role="alert" hidden></p>
${account}
${messages}
</div>
<section id="traffic" aria-label="Messages">
<p id="bar"><span id="state" role="status">Not connected</span> <button type="button" id="clear">Clear</button></p>
<ol id="log" role="log" tabindex="0" aria-label="Sent and received"></ol>
</section>
</main>`,
}
