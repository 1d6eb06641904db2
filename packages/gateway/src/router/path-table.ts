import { canonicalPath } from '../target.ts'
import { type Condition, compileConditions, type RequestFields } from './conditions.ts'
import { compareConditions, type Entry, isVariable, segmentsOf } from './precedence.ts'

/** What a request was found to be for. */
export interface Found<T> {
  readonly value: T
  /** Segments that a prefix took; -1 for an exact path or a template, which take them all. */
  readonly segments: number
}

/** Entries of one path, in the order in which they are tried. */
type Leaf<T> = { readonly entry: Entry<T>; readonly holds: Condition | undefined; readonly found: Found<T> }[]

interface Node<T> {
  readonly children: Map<string, Node<T>>
  /** Child for `{name}`. */
  variable: Node<T> | undefined
  readonly leaf: Leaf<T>
}

/** All matches of one host pattern, by path. Found in time that depends on the path's segments, not on their number. */
export interface PathTable<T> {
  add(entry: Entry<T>): void
  find(path: string, request: RequestFields): Found<T> | undefined
}

export function createPathTable<T>(): PathTable<T> {
  const exact = new Map<string, Leaf<T>>()
  const templates = createNode<T>()
  const prefixes = createNode<T>()

  function leafOf({ match: { path } }: Entry<T>): Leaf<T> {
    if (path.kind === 'template') return descend(templates, path.value.slice(1).split('/'), true).leaf
    if (path.kind === 'prefix') return descend(prefixes, segmentsOf(path.value), false).leaf
    const value = canonicalPath(path.value)
    if (!exact.has(value)) exact.set(value, [])
    return exact.get(value)!
  }

  return {
    add(entry) {
      const leaf = leafOf(entry)
      const segments = entry.match.path.kind === 'prefix' ? segmentsOf(entry.match.path.value).length : -1
      leaf.push({ entry, holds: compileConditions(entry.match), found: { value: entry.value, segments } })
      leaf.sort((a, b) => compareConditions(a.entry, b.entry))
    },
    find(path, request) {
      const leaf = exact.get(path)
      return (
        (leaf && pick(leaf, request)) ??
        findTemplate(templates, path, 1, request) ??
        findPrefix(prefixes, path, 1, request)
      )
    },
  }
}

function createNode<T>(): Node<T> {
  return { children: new Map(), variable: undefined, leaf: [] }
}

function descend<T>(root: Node<T>, segments: readonly string[], variables: boolean): Node<T> {
  let node = root
  for (const segment of segments) {
    if (variables && isVariable(segment)) {
      node.variable ??= createNode()
      node = node.variable
    } else {
      const name = canonicalPath(segment)
      if (!node.children.has(name)) node.children.set(name, createNode())
      node = node.children.get(name)!
    }
  }
  return node
}

function pick<T>(leaf: Leaf<T>, request: RequestFields): Found<T> | undefined {
  for (const { holds, found } of leaf) {
    if (holds === undefined || holds(request)) return found
  }
  return undefined
}

/** `at` is where the next segment starts; beyond the end when there is none. */
function findPrefix<T>(node: Node<T>, path: string, at: number, request: RequestFields): Found<T> | undefined {
  let found: Found<T> | undefined
  if (node.children.size > 0 && at <= path.length) {
    const end = segmentEnd(path, at)
    const child = node.children.get(path.slice(at, end))
    if (child !== undefined) found = findPrefix(child, path, end + 1, request)
  }
  return found ?? pick(node.leaf, request)
}

function findTemplate<T>(node: Node<T>, path: string, at: number, request: RequestFields): Found<T> | undefined {
  if (at > path.length) return pick(node.leaf, request)
  if (node.children.size === 0 && node.variable === undefined) return undefined
  const end = segmentEnd(path, at)
  const child = node.children.get(path.slice(at, end))
  const found = child && findTemplate(child, path, end + 1, request)
  if (found !== undefined || node.variable === undefined || end === at) return found
  return findTemplate(node.variable, path, end + 1, request)
}

function segmentEnd(path: string, at: number): number {
  const end = path.indexOf('/', at)
  return end === -1 ? path.length : end
}
