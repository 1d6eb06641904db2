import { checkAccessLog } from './check/access-log.ts'
import { checkCookies } from './check/cookies.ts'
import { type Check, finder } from './check/finder.ts'
import { checkHeaders } from './check/headers.ts'
import { checkListeners } from './check/listeners.ts'
import { checkMatches } from './check/matches.ts'
import { checkMemory } from './check/memory.ts'
import { checkNames } from './check/names.ts'
import { checkOrigins } from './check/origins.ts'
import { checkReachability } from './check/reachability.ts'
import { checkRedis } from './check/redis.ts'
import { checkReferences } from './check/references.ts'
import { checkRewrites } from './check/rewrites.ts'
import { checkSessions } from './check/sessions.ts'
import { checkSignIn } from './check/sign-in.ts'
import { checkStores } from './check/stores.ts'
import { checkUnused } from './check/unused.ts'
import { checkUpstreams } from './check/upstreams.ts'
import { type Diagnostic, type PlaceOf, sorted } from './diagnostic.ts'
import type { LeftOut } from './dialect.ts'
import type { GatewayModel } from './model.ts'

const checks: readonly Check[] = [
  checkNames,
  checkReferences,
  checkUnused,
  checkListeners,
  checkStores,
  checkMemory,
  checkRedis,
  checkSessions,
  checkCookies,
  checkUpstreams,
  checkMatches,
  checkReachability,
  checkHeaders,
  checkSignIn,
  checkRewrites,
  checkOrigins,
  checkAccessLog,
]

/** They say what is not there, or is weaker for it: what was written wrong may have been that. */
const ofWholeModels: readonly Check[] = [checkUnused, checkMemory]

/**
 * Looks across a whole model for what cannot work, and for what was probably not meant. Everything is found at once.
 *
 * With an error the model must not be run. A warning says what is weaker or less than it looks.
 *
 * @param complete whether all that was written is in the model; of a part of it, nothing is called missing, unused or in memory
 * @param leftOut names that are written and not in the model, which are not unknown
 */
export function check(model: GatewayModel, placeOf: PlaceOf, complete = true, leftOut: LeftOut = {}): Diagnostic[] {
  const diagnostics: Diagnostic[] = []
  const found = finder(placeOf, diagnostics)
  for (const look of checks) if (complete || !ofWholeModels.includes(look)) look(model, found, leftOut)
  return sorted(diagnostics)
}
