import type { Connection } from './connection.ts'

/** Milliseconds; as nginx's `lingering_timeout` and `lingering_time`. */
const longestSilence = 5_000
const longest = 30_000
const mostBytes = 64 * 1024 * 1024
const mostConnections = 1_000
const checkingInterval = 250

let lingering = 0

/**
 * Makes the end of a connection wait for the body that its client still sends: its own side is closed, and what comes
 * is read and thrown away, for up to 30 s, 5 s without a byte, 64 MB, and 1,000 connections at once. A connection that
 * is closed with bytes unread is reset, and the reset takes away the answer that the client has not read yet.
 *
 * @see RFC 9112, section 9.6
 */
export function lingerAtEnd(client: Connection): void {
  let begun = false
  // what Node calls behind an answer that is the last one
  client.socket.destroySoon = () => {
    if (!begun) closeLingering(client)
    begun = true
  }
}

/** As `lingerAtEnd`, at once. */
export function closeLingering(client: Connection): void {
  const { socket } = client
  client.closing = true
  // what comes is no request, wherever it begins
  client.refused = true
  if (lingering >= mostConnections) {
    socket.end(() => socket.destroy())
    return
  }
  socket.end()
  lingering++
  socket.setTimeout(longestSilence)
  const until = performance.now() + longest
  const most = socket.bytesRead + mostBytes
  const checking = setInterval(() => {
    if (performance.now() > until || socket.bytesRead > most) socket.destroy()
  }, checkingInterval).unref()
  socket.once('close', () => {
    lingering--
    clearInterval(checking)
  })
}
