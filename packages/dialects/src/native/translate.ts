import {
  defaults,
  type GatewayModel,
  type InternalListener,
  type Lookup,
  type SourceFile,
  sorted,
  type Translation,
} from '@coatcheck/model'
import { checkDocument } from './document.ts'
import { type Gathered, gather } from './gather.ts'
import { places } from './places.ts'
import { readFile } from './read.ts'
import type { NativeDocument } from './schema.ts'
import type { Context } from './translate/context.ts'
import { filled } from './translate/filled.ts'
import { listeners } from './translate/listeners.ts'
import { routes } from './translate/routes.ts'
import { keys, sessions } from './translate/sessions.ts'
import { stores } from './translate/stores.ts'
import { upstreams } from './translate/upstreams.ts'

/** Native files to a model: read, checked against the schema, joined, translated. Every problem is found at once. */
export function translate(files: readonly SourceFile[], lookup: Lookup): Translation {
  const read = files.map(readFile)
  const readable = read.flatMap(({ file }) => (file === undefined ? [] : [file]))
  const checked = readable.map((file) => {
    const answer: Lookup = (reference) => lookup(reference, file.name)
    return { ...file, ...checkDocument(file.content, file.placeOf, answer) }
  })
  const gathered = gather(checked)
  const { model, diagnostics, placeOf } = modelOf(gathered)
  const { leftOut } = gathered
  const all = [...read.flatMap((one) => one.diagnostics), ...gathered.diagnostics, ...diagnostics]
  const complete = readable.length === files.length
  return { model: complete ? model : undefined, diagnostics: sorted(all), placeOf, leftOut }
}

function modelOf(gathered: Gathered): Translation & { model: GatewayModel } {
  const diagnostics: Translation['diagnostics'][number][] = []
  const map = places()
  map.put('', '', gathered.placeOf)
  const context: Context = {
    ...gathered,
    report: (pointer, problem) => diagnostics.push({ severity: 'error', ...problem, place: gathered.placeOf(pointer) }),
    came: (model, document) => map.put(model, document, gathered.placeOf),
  }
  const { name, workers, internal, accessLog, shutdown } = gathered.document
  const routed = routes(context)
  const kinds = sessions(context)
  const model: GatewayModel = {
    name,
    workers: workers ?? defaults.workers,
    internal: internalListener(internal),
    listeners: listeners(context),
    keys: keys(context),
    stores: stores(context, kinds),
    sessions: kinds,
    upstreams: upstreams(context, routed.urls),
    routes: routed.routes,
    accessLog: accessLog === 'off' ? { ...defaults.accessLog, enabled: false } : filled(defaults.accessLog, accessLog),
    shutdown: filled(defaults.shutdown, shutdown),
  }
  return { model, diagnostics, placeOf: map.placeOf }
}

function internalListener(written: NativeDocument['internal']): InternalListener | undefined {
  if (written === 'off') return undefined
  if (written === undefined) return defaults.internal
  return { address: 'port' in written ? written : written.address }
}
