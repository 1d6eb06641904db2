import {
  type CookieSpec,
  defaultCookieName,
  defaultPrefix,
  defaultStore,
  defaults,
  formatInstant,
  type Sealing,
  type SessionSpec,
  type StoreSpec,
} from '@coatcheck/model'
import { cache, durability, redis } from './redis.ts'
import { all, duration, durations, size, some, unless, type Written } from './written.ts'

export function store(spec: StoreSpec): Written {
  switch (spec.kind) {
    case 'memory': {
      const { maxSessions, maxBytes } = defaults.memory
      const fields = some({
        maxSessions: unless<number>(maxSessions, spec.maxSessions),
        maxBytes: unless<number>(maxBytes, spec.maxBytes, size),
      })
      return fields === undefined ? 'memory' : { memory: fields }
    }
    case 'sqlite':
      return spec.file === undefined ? 'sqlite' : { sqlite: { file: spec.file } }
    case 'sealed-cookie': {
      const fields = some({ maxParts: unless<number>(defaults.sealedCookie.maxParts, spec.maxParts) })
      return fields === undefined ? 'sealedCookie' : { sealedCookie: fields }
    }
    case 'redis':
      return all({ redis: redis(spec), cache: cache(spec.cache), durability: durability(spec.durability) })
  }
}

export function session(spec: SessionSpec, installation: string | undefined): Written {
  const usual = defaults.session
  const { lookup, serveCachedFor, rotateAfter } = spec
  const fields = some({
    mode: unless<string>(usual.mode, spec.mode),
    store: unless(defaultStore, spec.store),
    prefix: unless(defaultPrefix(installation, spec.name), spec.prefix),
    lookup: lookup.kind === 'cookie' ? undefined : { header: lookup.name },
    cookie: cookie(spec.name, spec.cookie),
    timeouts: durations({ ...usual.timeouts }, { ...spec.timeouts }),
    rotateAfter: rotateAfter === undefined ? 'never' : unless<number>(usual.rotateAfter, rotateAfter, duration),
    sealing: unless<Sealing>(usual.sealing, spec.sealing, (changed) => sealing(changed as Sealing)),
    onStoreFailure: serveCachedFor === 0 ? undefined : { serveCachedFor: duration(serveCachedFor) },
    maxBytes: unless<number>(usual.maxBytes, spec.maxBytes, size),
    forward: unless<boolean>(usual.forward, spec.forward),
  })
  return fields ?? {}
}

function cookie(session: string, spec: CookieSpec): Written {
  const usual = defaults.cookie
  return some({
    name: unless(defaultCookieName(session, spec), spec.name),
    domain: spec.domain,
    path: unless<string>(usual.path, spec.path),
    sameSite: unless<string>(usual.sameSite, spec.sameSite),
    secure: unless<boolean>(usual.secure, spec.secure),
    httpOnly: unless<boolean>(usual.httpOnly, spec.httpOnly),
    expires: unless<string>(usual.expires, spec.expires),
  })
}

function sealing(spec: Sealing): Written {
  if (spec.kind === 'keys') return { keys: spec.keys }
  if (spec.kind !== 'migrate') return spec.kind
  const until = spec.until === undefined ? {} : { until: formatInstant(spec.until) }
  return { migrate: { from: sealing(spec.from), to: sealing(spec.to), ...until } }
}
