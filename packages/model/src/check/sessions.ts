import { isKept, type LeftOut } from '../dialect.ts'
import { formatDuration } from '../duration.ts'
import type { SessionSpec } from '../model.ts'
import type { Check, Finder, Finding } from './finder.ts'
import { isSettableHeader } from './header-names.ts'

/** Each session makes sense by itself, and none takes another's keys or cookie. */
export const checkSessions: Check = (model, found, leftOut) => {
  for (const [index, session] of model.sessions.entries()) {
    const pointer = `/sessions/${index}`
    checkPrefix(session, pointer, found)
    checkTimes(session, pointer, found, leftOut)
    checkSealing(session, pointer, found)
    checkLookup(session, pointer, found)
    for (const [before, other] of model.sessions.slice(0, index).entries()) {
      const conflict = conflictOf(session, other, leftOut)
      if (conflict === undefined) continue
      const { severity, at, ...finding } = conflict
      found[severity](pointer + at, { ...finding, related: [`/sessions/${before}`] })
    }
  }
}

function checkPrefix({ prefix, name }: SessionSpec, pointer: string, found: Finder): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/.test(prefix)) return
  found.error(`${pointer}/prefix`, {
    code: 'prefix-invalid',
    message: `Prefix "${prefix}" of session "${name}" is not one that keys can begin with.`,
    consequence: 'Its sessions could not be kept.',
    remedy: 'Begin with a letter or digit; then letters, digits, _ . : -; at most 128.',
  })
}

function checkTimes(
  { name, timeouts, rotateAfter }: SessionSpec,
  pointer: string,
  found: Finder,
  leftOut: LeftOut,
): void {
  if (!isKept(leftOut, ['sessions', name], 'timeouts')) return
  const lifetime = formatDuration(timeouts.lifetime)
  if (timeouts.idle > timeouts.lifetime) {
    found.warning(`${pointer}/timeouts`, {
      code: 'idle-above-lifetime',
      message: `Session "${name}" may be idle for ${formatDuration(timeouts.idle)}, longer than its lifetime of ${lifetime}.`,
      consequence: 'The idle timeout has no effect.',
      remedy: 'Lower idle, or raise lifetime.',
    })
  }
  const rotationIsKept = isKept(leftOut, ['sessions', name], 'rotateAfter')
  if (rotationIsKept && rotateAfter !== undefined && rotateAfter >= timeouts.lifetime) {
    found.warning(`${pointer}/rotateAfter`, {
      code: 'rotation-never',
      message: `Tickets of session "${name}" rotate after ${formatDuration(rotateAfter)}, and it ends after ${lifetime}.`,
      consequence: 'A stolen ticket stays good until the session ends.',
      remedy: 'Lower rotateAfter, or write rotateAfter: never if that is meant.',
    })
  }
}

function checkSealing({ name, sealing }: SessionSpec, pointer: string, found: Finder): void {
  if (sealing.kind === 'none') found.warning(`${pointer}/sealing`, unsealed(name))
  if (sealing.kind === 'keys' && sealing.keys.length === 0) found.error(`${pointer}/sealing`, withoutKeys(name))
  if (sealing.kind !== 'migrate') return
  const { from, to } = sealing
  if (to.kind === 'none' || from.kind === 'migrate' || to.kind === 'migrate')
    found.error(`${pointer}/sealing`, badMigration(name))
  else if (JSON.stringify(from) === JSON.stringify(to)) found.warning(`${pointer}/sealing`, sameMigration(name))
}

function unsealed(name: string): Finding {
  return {
    code: 'sealing-none',
    message: `Records of session "${name}" are not sealed.`,
    consequence: 'Whoever reads the store reads the sessions; whoever writes it can be anybody.',
    remedy: 'Leave sealing out for tickets, or use keys. To change without ending sessions: migrate.',
  }
}

function withoutKeys(name: string): Finding {
  return {
    code: 'sealing-without-keys',
    message: `Sealing of session "${name}" names no key.`,
    consequence: 'Its sessions could not be sealed.',
    remedy: 'Name at least one of keys; the first one writes.',
  }
}

function badMigration(name: string): Finding {
  return {
    code: 'migration-invalid',
    message: `Session "${name}" migrates to none, or through two migrations.`,
    consequence: 'Sealed sessions would be written in the clear, or it is not known how to read them.',
    remedy: 'Migrate from one sealing to ticket or keys.',
  }
}

function sameMigration(name: string): Finding {
  return {
    code: 'migration-same',
    message: `Session "${name}" migrates to the sealing that it comes from.`,
    consequence: 'The migration has no effect.',
    remedy: 'Write the sealing alone.',
  }
}

function checkLookup({ name, lookup }: SessionSpec, pointer: string, found: Finder): void {
  if (lookup.kind === 'cookie' || (isSettableHeader(lookup.name) && !/^(?:set-)?cookie$/i.test(lookup.name))) return
  found.error(`${pointer}/lookup`, {
    code: 'lookup-invalid',
    message: `"${lookup.name}" cannot carry the ticket of session "${name}".`,
    consequence: 'Its sessions could not be found.',
    remedy: 'Write the name of a header of your own, as X-Session.',
  })
}

interface Conflict extends Finding {
  readonly severity: 'error' | 'warning'
  readonly at: string
}

/** Fields by which sessions are told apart. */
const compared = ['store', 'prefix', 'lookup', 'cookie', 'timeouts', 'rotateAfter', 'sealing']

/** Two sessions may share their records only when they read them alike. */
function conflictOf(session: SessionSpec, other: SessionSpec, leftOut: LeftOut): Conflict | undefined {
  if (![session, other].every(({ name }) => isKept(leftOut, ['sessions', name], ...compared))) return undefined
  const sameKeys = session.store === other.store && session.prefix === other.prefix
  if (sameKeys) return readAlike(session) === readAlike(other) ? undefined : sameRecords(session, other)
  const cookies = session.lookup.kind === 'cookie' && other.lookup.kind === 'cookie'
  return cookies && session.cookie.name === other.cookie.name ? sameCookie(session, other) : undefined
}

function readAlike({ lookup, cookie, timeouts, rotateAfter, sealing }: SessionSpec): string {
  return JSON.stringify([lookup, Object.entries(cookie).sort(), timeouts, rotateAfter, sealing])
}

function sameRecords({ name, prefix }: SessionSpec, other: SessionSpec): Conflict {
  return {
    severity: 'error',
    at: '/prefix',
    code: 'sessions-mixed',
    message: `Sessions "${name}" and "${other.name}" keep records under the same prefix "${prefix}" of one store, but differ in cookie, lookup, timeouts, rotation or sealing.`,
    consequence: 'Each would take the other’s records for its own, and end or refuse them.',
    remedy: 'Give one of them another prefix, or make them alike.',
  }
}

function sameCookie({ name, cookie }: SessionSpec, other: SessionSpec): Conflict {
  return {
    severity: 'warning',
    at: '/cookie/name',
    code: 'cookie-shared',
    message: `Sessions "${name}" and "${other.name}" have the same cookie "${cookie.name}", but not the same records.`,
    consequence: 'On one host, each would overwrite the other’s cookie.',
    remedy: 'Give one of them another cookie name, or use them on different hosts.',
  }
}
