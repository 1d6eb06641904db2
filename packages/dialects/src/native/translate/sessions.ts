import {
  type CookieSpec,
  defaultCookieName,
  defaultPrefix,
  defaultStore,
  defaults,
  type KeySpec,
  keysOf,
  type Sealing,
  type SessionSpec,
  step,
} from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'
import { filled } from './filled.ts'

type Written = NonNullable<NonNullable<NativeDocument['sessions']>[string]>
type WrittenSealing = NonNullable<Written['sealing']>

export function keys(context: Context): KeySpec[] {
  return Object.entries(context.document.keys ?? {}).map(([id, value], index) => {
    context.came(`/keys/${index}`, `/keys${step(id)}`)
    return { id, value }
  })
}

/** Without those that refer to what is called by no name: that is told once, where it is written. */
export function sessions(context: Context): SessionSpec[] {
  const { document } = context
  const named = Object.entries(document.sessions ?? {}).filter(([, written]) => refersToNames(written, context))
  return named.map(([name, written], index) => {
    const pointer = `/sessions${step(name)}`
    context.came(`/sessions/${index}`, pointer)
    context.came(`/sessions/${index}/serveCachedFor`, `${pointer}/onStoreFailure`)
    return session(name, document.name, written ?? {})
  })
}

/** Whether a session is written, but cannot be used because it, its store or its keys are wrong. */
export function isUnusableSession(name: string, context: Context): boolean {
  const { document, isWritten } = context
  if (!isWritten('sessions', name)) return false
  if (!Object.hasOwn(document.sessions ?? {}, name)) return true
  return !needsNothingWrong(document.sessions?.[name], context)
}

function needsNothingWrong(written: Written | null | undefined, { document, isWritten }: Context): boolean {
  return needs(written, (section, name) => !isWritten(section, name) || Object.hasOwn(document[section] ?? {}, name))
}

function refersToNames(written: Written | null | undefined, { document, isWritten, leftOut }: Context): boolean {
  return needs(written, (section, name) => {
    return !isWritten(section, name) || Object.hasOwn(document[section] ?? {}, name) || leftOut[section].includes(name)
  })
}

/** Whether the store of a session and all its keys are so. */
function needs(
  written: Written | null | undefined,
  are: (section: 'stores' | 'keys', name: string) => boolean,
): boolean {
  const { store, sealing: seal } = written ?? {}
  const keys = seal === undefined ? [] : keysOf(sealing(seal))
  return are('stores', store ?? defaultStore) && keys.every((key) => are('keys', key))
}

function session(name: string, installation: string | undefined, written: Written): SessionSpec {
  const { onStoreFailure, rotateAfter } = written
  const { mode, maxBytes, forward, timeouts } = filled(defaults.session, written)
  return {
    name,
    mode,
    store: written.store ?? defaultStore,
    prefix: written.prefix ?? defaultPrefix(installation, name),
    lookup: lookup(written.lookup),
    cookie: cookie(name, written.cookie),
    timeouts: filled(defaults.session.timeouts, timeouts),
    rotateAfter: rotateAfter === 'never' ? undefined : (rotateAfter ?? defaults.session.rotateAfter),
    sealing: written.sealing === undefined ? defaults.session.sealing : sealing(written.sealing),
    serveCachedFor:
      typeof onStoreFailure === 'object' ? onStoreFailure.serveCachedFor : defaults.session.serveCachedFor,
    maxBytes,
    forward,
  }
}

function lookup(written: Written['lookup']): SessionSpec['lookup'] {
  return typeof written === 'object' ? { kind: 'header', name: written.header } : { kind: 'cookie' }
}

function cookie(session: string, written: Written['cookie']): CookieSpec {
  const attributes = { ...filled(defaults.cookie, written), domain: written?.domain ?? undefined }
  return { name: written?.name ?? defaultCookieName(session, attributes), ...attributes }
}

function sealing(written: WrittenSealing): Sealing {
  if (typeof written === 'string') return { kind: written }
  if ('keys' in written) return { kind: 'keys', keys: written.keys }
  const { from, to, until } = written.migrate
  return { kind: 'migrate', from: sealing(from), to: sealing(to), until }
}
