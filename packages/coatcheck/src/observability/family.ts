/**
 * Metric families as plain numbers.
 *
 * The request path adds to a number that it finds by walking nested maps, one per label; nothing is hashed, joined or
 * allocated. Text is made when somebody asks (`snapshot`), apart from the labels of a series, made once.
 */

/** How series of several processes become one. */
export type Merge = 'sum' | 'max' | 'min'

/** One family of one process as plain JSON. */
export interface MetricFamily {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly merge: Merge
  readonly samples: readonly Sample[]
}
/** Suffix of the name (`_bucket`), labels as they are written (`a="b",c="d"`), value. */
export type Sample = readonly [suffix: string, labels: string, value: number]

/** A counter or gauge; whoever has it may change it. */
export interface Cell {
  value: number
}

export interface Distribution {
  /** Observations up to each bound, and above all of them; not cumulative. */
  readonly counts: number[]
  sum: number
}

export interface Family<Series> {
  readonly name: string
  readonly labels: readonly string[]
  readonly bounds: readonly number[]
  /** The series with these label values, made when it is new. One for each label name, in their order. */
  series(...values: readonly string[]): Series
  /** Whether the series exists. */
  has(...values: readonly string[]): boolean
  /** Forgets every series whose label is refused by `keep`. */
  retain(label: string, keep: (value: string, series: Series) => boolean): void
  snapshot(): MetricFamily
}

interface Leaf<Series> {
  readonly labels: string
  readonly series: Series
}
type Tree<Series> = Map<string, Tree<Series> | Leaf<Series>>

interface Kind<Series> {
  readonly type: MetricFamily['type']
  readonly merge: Merge
  readonly bounds: readonly number[]
  make(): Series
  samples(leaf: Leaf<Series>): Sample[]
}

const cell = {
  bounds: [],
  make: (): Cell => ({ value: 0 }),
  samples: ({ labels, series }: Leaf<Cell>) => [['', labels, series.value] as const],
}

export function counter(name: string, help: string, labels: readonly string[] = []): Family<Cell> {
  return family(name, help, labels, { ...cell, type: 'counter', merge: 'sum' })
}

export function gauge(name: string, help: string, labels: readonly string[], merge: Merge): Family<Cell> {
  return family(name, help, labels, { ...cell, type: 'gauge', merge })
}

/** @param bounds upper ones, ascending, without infinity */
export function histogram(
  name: string,
  help: string,
  labels: readonly string[],
  bounds: readonly number[],
): Family<Distribution> {
  return family(name, help, labels, {
    type: 'histogram',
    merge: 'sum',
    bounds,
    make: () => ({ counts: new Array(bounds.length + 1).fill(0), sum: 0 }),
    samples: (leaf) => distributionSamples(leaf, bounds),
  })
}

export function add(cell: Cell, amount: number): void {
  cell.value += amount
}

export function set(cell: Cell, value: number): void {
  cell.value = value
}

/** Adds one observation. */
export function observe(family: Family<Distribution>, series: Distribution, value: number): void {
  const { bounds } = family
  let at = 0
  while (at < bounds.length && value > bounds[at]!) at++
  series.counts[at]!++
  series.sum += value
}

function distributionSamples({ labels, series }: Leaf<Distribution>, bounds: readonly number[]): Sample[] {
  const start = labels === '' ? '' : `${labels},`
  let total = 0
  const buckets = series.counts.map((count, at): Sample => {
    total += count
    return ['_bucket', `${start}le="${at < bounds.length ? bounds[at] : '+Inf'}"`, total]
  })
  return [...buckets, ['_sum', labels, series.sum], ['_count', labels, total]]
}

function family<Series>(name: string, help: string, labels: readonly string[], kind: Kind<Series>): Family<Series> {
  const root: Tree<Series> = new Map()
  const depth = Math.max(labels.length, 1)

  function series(...values: readonly string[]): Series {
    let node = root
    for (let at = 0; at < depth - 1; at++) node = branch(node, values[at]!)
    const key = values[depth - 1] ?? ''
    const leaf = node.get(key) as Leaf<Series> | undefined
    return leaf === undefined ? grow(node, key, values) : leaf.series
  }

  function grow(node: Tree<Series>, key: string, values: readonly string[]): Series {
    const text = labels.map((label, at) => `${label}="${escapeLabel(values[at]!)}"`).join(',')
    const leaf = { labels: text, series: kind.make() }
    node.set(key, leaf)
    return leaf.series
  }

  function has(...values: readonly string[]): boolean {
    let node: Tree<Series> | Leaf<Series> | undefined = root
    for (const value of values) node = node instanceof Map ? node.get(value) : undefined
    return node !== undefined
  }

  if (labels.length === 0) series()
  return {
    name,
    labels,
    bounds: kind.bounds,
    series,
    has,
    retain: (label, keep) => prune(root, labels.indexOf(label), '', keep),
    snapshot: () => ({
      name,
      help,
      type: kind.type,
      merge: kind.merge,
      samples: [...leaves(root)].flatMap(kind.samples),
    }),
  }
}

function branch<Series>(node: Tree<Series>, key: string): Tree<Series> {
  let next = node.get(key) as Tree<Series> | undefined
  if (next === undefined) {
    next = new Map()
    node.set(key, next)
  }
  return next
}

function* leaves<Series>(node: Tree<Series>): Generator<Leaf<Series>> {
  for (const child of node.values()) {
    if (child instanceof Map) yield* leaves(child)
    else yield child
  }
}

/** `level` counts down to the label in question; below it `value` is that label's. */
function prune<Series>(
  node: Tree<Series>,
  level: number,
  value: string,
  keep: (value: string, series: Series) => boolean,
): void {
  for (const [key, child] of node) {
    const its = level === 0 ? key : value
    if (child instanceof Map) prune(child, level - 1, its, keep)
    if (child instanceof Map ? child.size === 0 : !keep(its, child.series)) node.delete(key)
  }
}

/** Prometheus text format 0.0.4 and OpenMetrics 1.0: backslash, quote and line feed. */
function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}
