export * from './api.ts'
export { type ResolvedCookie, resolveCookie, withholdCookies } from './cookie.ts'
export { sessionDefaults } from './defaults.ts'
export {
  createDirectory,
  type DirectoryOptions,
  type SessionDirectory,
  type SessionInfo,
  type Whose,
} from './directory.ts'
export * from './errors.ts'
export { readKey } from './keyring.ts'
export { createSessions } from './manager.ts'
export type { Lookup, SessionsOptions } from './options.ts'
export { backgroundTimer, foregroundTimer, type Schedule } from './schedule.ts'
export type { SealedCookieStore } from './session-store.ts'
export * from './store.ts'
export { commitOf } from './unknown-outcome.ts'
