import type { MiddlewareKind, MiddlewareSpec } from '@coatcheck/model'
import type { Handler, Middleware } from '../middleware.ts'
import { capture } from './capture.ts'
import type { RouteContext } from './context.ts'
import { cors } from './cors.ts'
import { findSpec } from './find-spec.ts'
import { headers } from './headers.ts'
import { login } from './login.ts'
import { mirror } from './mirror.ts'
import { rewrite } from './rewrite.ts'
import { session } from './session.ts'

type Constructors = {
  readonly [K in MiddlewareKind]: (spec: Extract<MiddlewareSpec, { kind: K }>, context: RouteContext) => Middleware
}

/** All kinds of middleware, outermost first: this is the order of every chain, however a route lists them. */
export const middlewares: Constructors = { cors, session, login, capture, headers, rewrite, mirror }

export const middlewareOrder = Object.keys(middlewares) as MiddlewareKind[]

/** Folds a route's middleware around what answers in the end. */
export function foldChain(context: RouteContext, terminal: Handler): Handler {
  return middlewareOrder.reduceRight((next, kind) => construct(kind, context)?.(next) ?? next, terminal)
}

function construct<K extends MiddlewareKind>(kind: K, context: RouteContext): Middleware | undefined {
  const spec = findSpec(context.route, kind)
  return spec && middlewares[kind](spec, context)
}
