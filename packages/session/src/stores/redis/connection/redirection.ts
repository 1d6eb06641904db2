/** "It is over there" of a cluster. */
import type { Node } from '../options.ts'

export interface Redirection {
  readonly slot: number
  readonly node: Node
  /** For this one command (ASK), not for good (MOVED). */
  readonly asking: boolean
}

/**
 * Reads `MOVED 3999 127.0.0.1:6381` out of an error. Without a host it is that of the node that said it.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding
 */
export function redirection(text: string, from: Node): Redirection | undefined {
  const [, word, slot, host = '', port] = /\b(MOVED|ASK) (\d{1,5}) (\S*):(\d{1,5})(?:\s|$)/.exec(text) ?? []
  if (word === undefined || Number(slot) > 16383 || Number(port) > 65535 || Number(port) === 0) return undefined
  const node = { host: host === '' || host === '?' ? from.host : host, port: Number(port) }
  return { slot: Number(slot), node, asking: word === 'ASK' }
}
