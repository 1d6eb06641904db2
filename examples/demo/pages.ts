/** The pages of the demo, as functions from what is known to HTML. */

export interface Visit {
  readonly visits: number
  readonly user: string | undefined
  /** Name, value, name, value … as the application got them. */
  readonly headers: readonly string[]
}

export function homePage({ visits, user, headers }: Visit): string {
  return layout(
    'Coatcheck demo',
    `<p class="lead">${user ? `You are <strong>${escapeHtml(user)}</strong>.` : 'You are a stranger with a session.'}
       This is visit <strong id="visits">${visits}</strong>; the session counted.</p>
     <p>Clock over a WebSocket: <output id="clock" class="mono">…</output></p>
     <div class="row">${user ? signOutForm : '<a class="button" href="/login">Sign in</a>'}
       <a class="button quiet" href="/members">Members only</a> <a class="button quiet" href="/">Visit again</a></div>
     <h2>What the application got</h2>
     <p>Your browser sent a ticket in a cookie. The gateway kept the cookie and sent these headers instead, the marked ones from the session:</p>
     <table><thead><tr><th>Header</th><th>Value</th></tr></thead><tbody>${headerRows(headers)}</tbody></table>
     <script>${clockScript}</script>`,
  )
}

export function loginPage(problem: string | undefined): string {
  return layout(
    'Sign in',
    `${problem ? `<p class="problem" role="alert">${escapeHtml(problem)}</p>` : ''}
     <form method="post" action="/login">
       <label>Name <input name="user" autocomplete="username" required pattern="[a-z]{1,32}" autofocus></label>
       <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
       <input type="hidden" name="return">
       <button class="button">Sign in</button>
     </form>
     <p>Any name of small letters will do; the password is <code>coat</code>. The application checks it and answers with the
       header <code>X-Set-User</code>: the gateway captures that and rotates the ticket.</p>
     <script>document.querySelector('[name=return]').value = new URLSearchParams(location.search).get('return') ?? ''</script>`,
  )
}

export function membersPage(user: string | undefined): string {
  return layout(
    'Members only',
    `<p class="lead">Welcome, <strong>${escapeHtml(user ?? '')}</strong>. Nobody gets here without signing in: the gateway sees to it.</p>
     <div class="row">${signOutForm} <a class="button quiet" href="/">Back</a></div>`,
  )
}

export function messagePage(title: string, text: string): string {
  return layout(title, `<p>${escapeHtml(text)}</p><p><a class="button quiet" href="/">Back</a></p>`)
}

const signOutForm = '<form method="post" action="/logout"><button class="button">Sign out</button></form>'

const clockScript = `
  const clock = document.getElementById('clock')
  const socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/clock')
  socket.onmessage = (event) => {
    const { time, user } = JSON.parse(event.data)
    clock.textContent = time + ', told to ' + user
  }
  socket.onclose = () => { clock.textContent = 'the clock has stopped' }
`

/** What the gateway tells of the session stands first. */
function headerRows(headers: readonly string[]): string {
  let ours = ''
  let others = ''
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const cells = `<td>${escapeHtml(headers[i]!)}</td><td>${escapeHtml(headers[i + 1]!)}</td>`
    if (/^x-(session|visits|user)/i.test(headers[i]!)) ours += `<tr class="ours">${cells}</tr>`
    else others += `<tr>${cells}</tr>`
  }
  return ours + others
}

function layout(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main><h1>${escapeHtml(title)}</h1>${body}</main></body></html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
}

const style = `
  :root { color-scheme: light dark; --ink: light-dark(#1d2433, #e8ebf2); --paper: light-dark(#f6f4ef, #14171f);
    --card: light-dark(#fff, #1d212c); --line: light-dark(#ddd8cc, #333a4a); --accent: light-dark(#8a2f3c, #e58a97); }
  * { box-sizing: border-box }
  body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper) }
  main { max-width: 58rem; margin: 2rem auto; padding: 2rem 2.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px }
  h1 { margin: 0 0 1rem; font-size: 1.6rem } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
  .lead { font-size: 1.15rem } .row { display: flex; gap: .6rem; flex-wrap: wrap } .mono { font-family: ui-monospace, monospace }
  .button { font: inherit; padding: .45rem 1rem; border: 1px solid var(--accent); border-radius: 8px; background: var(--accent);
    color: var(--card); text-decoration: none; cursor: pointer } .quiet { background: none; color: var(--accent) }
  label { display: block; margin: .8rem 0 } input { display: block; font: inherit; padding: .4rem .6rem; width: 18rem; max-width: 100% }
  .problem { padding: .6rem 1rem; border-left: 4px solid var(--accent); background: color-mix(in srgb, var(--accent) 12%, transparent) }
  table { border-collapse: collapse; width: 100%; font: 13px/1.4 ui-monospace, monospace }
  td:first-child { white-space: nowrap } td, th { text-align: left; padding: .3rem .5rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
  .ours td { background: color-mix(in srgb, var(--accent) 12%, transparent) }
`
