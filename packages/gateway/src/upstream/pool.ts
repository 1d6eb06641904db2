import type { Connection } from './connection.ts'

/**
 * Unused connections to one target. Each target of each upstream has a pool of its own, so nothing that identifies the
 * peer (host, port, server name, authority, client certificate, verification) can ever be mixed up. The one used last
 * is taken first: the others grow old and go.
 */
export class Pool {
  readonly #unused: Connection[] = []
  readonly #maxIdle: number
  #closed = false

  constructor(maxIdle: number) {
    this.#maxIdle = maxIdle
  }

  /**
   * Looks again: a connection that is not usable any more is thrown away. Bytes that lie in the system's buffer are not
   * seen here; but the system tells of them in the order in which they came, so those that were there before the
   * request of a client was have been read by now.
   */
  take(): Connection | undefined {
    for (;;) {
      const connection = this.#unused.pop()
      if (!connection || connection.usable) return connection
      connection.destroy()
    }
  }

  put(connection: Connection): void {
    if (this.#closed || this.#unused.length >= this.#maxIdle) connection.destroy()
    else this.#unused.push(connection)
  }

  remove(connection: Connection): void {
    const at = this.#unused.lastIndexOf(connection)
    if (at !== -1) this.#unused.splice(at, 1)
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#unused.splice(0)) connection.destroy()
  }
}
