/**
 * Sessions kept in the cookie itself, sealed: nothing is stored on a server, and nothing can be revoked there. After
 * `end()` the browser forgets the cookie, but a copy of it stays good until its idle timeout or lifetime is over, and so
 * do copies from before a rotation. Of two requests that change a session at the same time, the later answer wins.
 */
import type { SealingKey } from '../../api.ts'
import { maxCookieParts } from '../../cookie-parts.ts'
import { sessionDefaults } from '../../defaults.ts'
import { checkObject, invalid, shown } from '../../invalid-option.ts'
import { createKeyring } from '../../keyring.ts'
import { members } from '../../members.ts'
import type { SealedCookieStore } from '../../session-store.ts'
import { sealedSessions } from './sessions.ts'

export interface SealedCookieOptions {
  /** The first one seals, all of them open. Leave a retired key in the list for one idle timeout. */
  readonly keys: readonly SealingKey[]
  /**
   * Cookies of 4096 bytes that one session may be split over, 1 to 16. Raise it together with the limit for request
   * headers: three make 12 KB of the 16 KB that Node takes.
   *
   * @defaultValue 3
   */
  readonly maxParts?: number
}

/**
 * For `createSessions({ store: sealedCookies({ keys }) })`. `revokes` is `false`: it cannot end a session on the
 * server.
 *
 * @throws SessionError `ERR_INVALID_OPTION`
 */
export function sealedCookies(options: SealedCookieOptions): SealedCookieStore {
  checkObject(
    'The options of sealedCookies()',
    options,
    members<keyof SealedCookieOptions>({ keys: true, maxParts: true }),
  )
  const { keys, maxParts = sessionDefaults.sealedCookie.maxParts } = options
  if (!Number.isInteger(maxParts) || maxParts < 1 || maxParts > maxCookieParts) {
    throw invalid(
      `sealedCookies: "maxParts" is ${shown(maxParts)}, which no session could be split over. Nothing was made. Give a whole ` +
        `number from 1 to ${maxCookieParts}.`,
    )
  }
  const ring = createKeyring(keys)
  return {
    kind: 'sealed-cookie',
    revokes: false,
    maxParts,
    sessions: (settings) => sealedSessions({ ring, maxParts, settings }),
  }
}
