import { defaultStore, defaults, formatAddress, type GatewayModel, type UpstreamSpec } from '@coatcheck/model'
import { Document, isCollection, isMap, isScalar, visit } from 'yaml'
import { listener, upstream } from './print/listeners.ts'
import { route } from './print/routes.ts'
import { session, store } from './print/sessions.ts'
import { all, duration, secret, some, unless, type Written } from './print/written.ts'
import { upstreamOfUrl } from './translate/upstreams.ts'

/**
 * The `coatcheck.yaml` that means the same as a model: translated, it gives that model again. What is a default is not
 * written.
 *
 * A broken route has no action to write; it stays an error. Secrets whose value is in the model are written out.
 */
export function printNative(model: GatewayModel): string {
  const document = new Document(nativeOf(model))
  visit(document, {
    Collection: (_, node, path) => {
      const isSmall = path.length > 4 && JSON.stringify(node.toJSON()).length <= 90
      if (isSmall) node.flow = true
    },
  })
  spaceSections(document)
  return document.toString({ lineWidth: 120, flowCollectionPadding: true })
}

function nativeOf(model: GatewayModel): Written {
  const { accessLog, shutdown } = model
  return all({
    name: model.name,
    workers: unless<number>(defaults.workers, model.workers),
    internal: unless<GatewayModel['internal']>(defaults.internal, model.internal, () =>
      model.internal === undefined ? 'off' : { address: formatAddress(model.internal.address) },
    ),
    listeners: named(model.listeners, listener),
    keys: some(Object.fromEntries(model.keys.map(({ id, value }) => [id, secret(value)]))),
    stores: named(writtenStores(model), store),
    sessions: named(model.sessions, (spec) => session(spec, model.name)),
    upstreams: named(writtenUpstreams(model), upstream),
    routes: model.routes.length === 0 ? undefined : model.routes.map((spec) => route(spec, model)),
    accessLog: accessLogOf(accessLog),
    shutdown: some({ grace: unless<number>(defaults.shutdown.grace, shutdown.grace, duration) }),
  })
}

function named<T extends { readonly name: string }>(specs: readonly T[], write: (spec: T) => Written): Written {
  return some(Object.fromEntries(specs.map((spec) => [spec.name, write(spec)])))
}

/** Without the memory store that is made for sessions that name none, where it would be made again. */
function writtenStores({ stores, sessions }: GatewayModel): GatewayModel['stores'] {
  const last = stores.at(-1)
  const implied =
    last?.name === defaultStore && store(last) === 'memory' && sessions.some((spec) => spec.store === defaultStore)
  return implied ? stores.slice(0, -1) : stores
}

/** Without those that routes name by their URL, where they would be made again in the same order. */
function writtenUpstreams({ upstreams, routes }: GatewayModel): GatewayModel['upstreams'] {
  const implied = new Set<string>()
  for (const { middleware, action } of routes) {
    for (const spec of middleware) if (spec.kind === 'mirror') implied.add(spec.upstream)
    if (action.kind === 'proxy') implied.add(action.upstream)
  }
  const order = [...implied].filter((name) => upstreams.some((spec) => spec.name === name && isImplied(spec)))
  const tail = upstreams.slice(upstreams.length - order.length)
  const again = tail.every((spec, index) => spec.name === order[index])
  return again ? upstreams.slice(0, upstreams.length - order.length) : upstreams
}

function isImplied(spec: UpstreamSpec): boolean {
  const [target] = spec.targets
  return target?.url === spec.name && JSON.stringify(upstreamOfUrl(spec.name)) === JSON.stringify(spec)
}

function accessLogOf({ enabled, sessionField }: GatewayModel['accessLog']): Written {
  const field = unless<string>(defaults.accessLog.sessionField, sessionField)
  if (enabled) return some({ sessionField: field })
  return field === undefined ? 'off' : { enabled, sessionField: field }
}

/** An empty line between sections that are longer than a line. */
function spaceSections(document: Document): void {
  if (!isMap(document.contents)) return
  document.contents.items.forEach(({ key, value }, index) => {
    if (index > 0 && isScalar(key) && isCollection(value)) key.spaceBefore = true
  })
}
