import type { GatewayModel } from '@coatcheck/model'

/** Stands for the route of a request that no route took. */
export const noRoute = 'none'

/** What a model names, by the label that carries it. */
export type Names = ReadonlyMap<string, ReadonlySet<string>>

export function namesOf({ routes, listeners, sessions, stores, upstreams }: GatewayModel): Names {
  const named = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name)
  return new Map([
    ['route', new Set([...named(routes), noRoute])],
    ['listener', new Set(named(listeners))],
    ['session', new Set(named(sessions))],
    ['store', new Set(named(stores))],
    ['upstream', new Set(named(upstreams))],
    ['url', new Set(upstreams.flatMap(({ targets }) => targets.map(({ url }) => url)))],
  ])
}

/** Whether the labels of a series, as they are written (`a="b",c="d"`), are all of this model, or of no model. */
export function areNamed(labels: string, names: Names): boolean {
  for (const [, label, value] of labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (names.get(label!)?.has(unescapeLabel(value!)) === false) return false
  }
  return true
}

/** What `escapeLabel` of a family wrote. */
function unescapeLabel(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character))
}
