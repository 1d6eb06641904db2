/** Settings of a server that sessions depend on. Where it does not let us look, that is said, and fine. */
import { isError, type Reply } from './reply.ts'
import { type Finding, ok, skipped, warned } from './report.ts'

export interface SettingsLimits {
  /** Milliseconds that one command may take. */
  readonly command: number
  /** Connections that this gateway opens to each server. */
  readonly connections: number
}

/** What a server said about itself, as far as it was allowed to. */
export interface Told {
  /** The value of a setting, or of a line of INFO. */
  value(name: string): string | undefined
}

/** Reads replies to CONFIG GET and INFO; refusals are left out. */
export function told(replies: readonly Reply[]): Told {
  const values = new Map<string, string>()
  for (const reply of replies) {
    if (typeof reply === 'string') for (const [name, value] of linesOf(reply)) values.set(name, value)
    if (Array.isArray(reply) && reply.length === 2) values.set(String(reply[0]), String(reply[1]))
  }
  return { value: (name) => values.get(name) }
}

function linesOf(info: string): readonly (readonly [name: string, value: string])[] {
  return info.split('\r\n').flatMap((line) => {
    const colon = line.indexOf(':')
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)] as const] : []
  })
}

export const settingsAsked = ['maxmemory-policy', 'timeout', 'maxclients'] as const

export function settingsOf(server: Told, limits: SettingsLimits): readonly Finding[] {
  return [
    memoryOf(server.value('maxmemory-policy') ?? server.value('maxmemory_policy')),
    timeoutOf(number(server.value('timeout')), limits.command),
    connectionsOf(server, limits.connections),
  ]
}

const unseen = 'It does not allow CONFIG GET or INFO.'

function memoryOf(policy: string | undefined): Finding {
  if (policy === undefined || !/^[a-z-]{1,40}$/.test(policy)) return skipped('memory', 'not-told', unseen)
  if (policy === 'noeviction') return ok('memory', 'noeviction')
  const which = policy.startsWith('volatile-') ? ', and every session has an end,' : ''
  const message = `Its maxmemory-policy is ${policy}: when its memory is full${which} it drops sessions, which signs people out.`
  return warned('memory', 'evicts', message)
}

/** Connections say something every half second; a pause of a process as long as a command may take must cost none. */
function timeoutOf(seconds: number | undefined, command: number): Finding {
  if (seconds === undefined) return skipped('timeout', 'not-told', unseen)
  if (seconds === 0) return ok('timeout', 'it keeps idle connections')
  if (seconds * 1000 > command) return ok('timeout', `it closes connections after ${seconds} s of silence`)
  const message = `It closes connections after ${seconds} s of silence, and a command may take ${command / 1000} s.`
  return warned('timeout', 'closes-early', message)
}

function connectionsOf(server: Told, needed: number): Finding {
  const most = number(server.value('maxclients'))
  if (most === undefined) return skipped('connections', 'not-told', unseen)
  const used = number(server.value('connected_clients'))
  const facts = `this gateway needs ${needed}, maxclients is ${most}${used === undefined ? '' : `, ${used} are in use`}`
  if (needed <= most - (used ?? 0)) return ok('connections', facts)
  return warned('connections', 'connections-short', `There may be no connection left: ${facts}.`)
}

/** Milliseconds of difference that nobody minds. */
const closeEnough = 2000

/** `before`, `after`: our clock around the question, in milliseconds since 1970. */
export function clockOf(time: Reply | undefined, before: number, after: number): Finding {
  const [seconds, micros] = Array.isArray(time) ? time.map(Number) : []
  if (isError(time) || seconds === undefined || micros === undefined || !Number.isFinite(seconds + micros)) {
    return skipped('clock', 'not-told', 'It does not allow TIME.')
  }
  const theirs = seconds * 1000 + micros / 1000
  const off = theirs < before ? before - theirs : Math.max(0, theirs - after)
  if (off <= closeEnough) return ok('clock', off === 0 ? 'the same as ours' : `${Math.ceil(off)} ms apart`)
  const side = theirs < before ? 'behind' : 'ahead of'
  const message = `Its clock is ${(off / 1000).toFixed(1)} s ${side} ours. Sessions end by its clock, so that none is wrong; times in logs are.`
  return warned('clock', 'clock-differs', message)
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}
