import {
  defaults,
  type HeaderChanges,
  type HeaderValue,
  type MiddlewareKind,
  type MiddlewareSpec,
  type PathRewrite,
  step,
} from '@coatcheck/model'
import type { NativeDocument } from '../schema.ts'
import type { Context } from './context.ts'
import { filled } from './filled.ts'

export type WrittenRoute = NonNullable<NativeDocument['routes']>[number]
type Spec<K extends MiddlewareKind> = Extract<MiddlewareSpec, { kind: K }>

/** A route's middleware in the order of the chain. `pointer` leads to the route, in document and model alike. */
export function middleware(
  written: WrittenRoute,
  session: string | undefined,
  pointer: string,
  context: Context,
): MiddlewareSpec[] {
  const specs = specsOf(written, session).filter((spec) => spec !== undefined)
  specs.forEach((spec, index) => {
    const there = `${pointer}/middleware/${index}`
    context.came(there, `${pointer}/${spec.kind}`)
    for (const [from, to] of renamed(spec)) context.came(there + from, `${pointer}/${spec.kind}${to}`)
  })
  return specs
}

function specsOf(written: WrittenRoute, session: string | undefined): (MiddlewareSpec | undefined)[] {
  return [
    written.cors && cors(written.cors),
    session === undefined ? undefined : { kind: 'session', session },
    written.login && { kind: 'login', at: written.login.at },
    written.capture && capture(written.capture),
    written.headers && headers(written.headers),
    written.rewrite && rewrite(written.rewrite),
    written.mirror === undefined ? undefined : mirror(written.mirror),
  ]
}

function cors(written: NonNullable<WrittenRoute['cors']>): Spec<'cors'> {
  return { kind: 'cors', origins: written.origins, ...filled(defaults.cors, written) }
}

function capture(written: NonNullable<WrittenRoute['capture']>): Spec<'capture'> {
  const { $subject: subject, ...others } = written
  const attributes = Object.entries(others).map(([attribute, header]) => ({ attribute, header }))
  return { kind: 'capture', subject, attributes }
}

function headers({ request, response }: NonNullable<WrittenRoute['headers']>): Spec<'headers'> {
  return { kind: 'headers', request: headerChanges(request), response: headerChanges(response) }
}

function headerChanges(written: NonNullable<WrittenRoute['headers']>['request']): HeaderChanges {
  const { set, add, remove } = written ?? {}
  return { set: headerValues(set), add: headerValues(add), remove: remove ?? [] }
}

type WrittenValue = HeaderValue['value']

function headerValues(
  written: Readonly<Record<string, WrittenValue | readonly WrittenValue[]>> | undefined,
): HeaderValue[] {
  return Object.entries(written ?? {}).flatMap(([name, values]) => [values].flat().map((value) => ({ name, value })))
}

function rewrite(written: NonNullable<WrittenRoute['rewrite']>): Spec<'rewrite'> {
  return { kind: 'rewrite', path: pathRewrite(written)! }
}

/** The new path of a rewrite or redirect; `undefined` when it stays. */
export function pathRewrite({
  path,
  prefix,
}: {
  path?: string | undefined
  prefix?: string | undefined
}): PathRewrite | undefined {
  if (path !== undefined) return { kind: 'full', value: path }
  return prefix === undefined ? undefined : { kind: 'prefix', value: prefix }
}

function mirror(written: NonNullable<WrittenRoute['mirror']>): Spec<'mirror'> {
  const full = typeof written === 'string' ? { upstream: written } : written
  return { kind: 'mirror', upstream: full.upstream, ...filled(defaults.mirror, full) }
}

/** Where the model calls a part of a middleware otherwise than the document: pointers below each. */
function renamed(spec: MiddlewareSpec): [model: string, document: string][] {
  switch (spec.kind) {
    case 'capture':
      return [
        ['/subject', '/$subject'],
        ...spec.attributes.map(({ attribute }, k): [string, string] => [`/attributes/${k}`, step(attribute)]),
      ]
    case 'headers':
      return (['request', 'response'] as const).flatMap((way) =>
        (['set', 'add'] as const).flatMap((change) =>
          spec[way][change].map(({ name }, k): [string, string] => [
            `/${way}/${change}/${k}`,
            `/${way}/${change}${step(name)}`,
          ]),
        ),
      )
    default:
      return []
  }
}
