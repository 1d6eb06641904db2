import type { MetricFamily, Sample } from './family.ts'

interface Merged {
  readonly family: MetricFamily
  /** By suffix and labels. */
  readonly values: Map<string, number>
}

/**
 * The families of several processes as those of one. Counters and histograms add up exactly; a gauge adds up, or takes
 * the largest or smallest value, as its family says.
 */
export function mergeMetrics(snapshots: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const merged = new Map<string, Merged>()
  for (const family of snapshots.flat()) {
    const own = merged.get(family.name) ?? { family, values: new Map() }
    merged.set(family.name, own)
    for (const [suffix, labels, value] of family.samples) add(own, `${suffix}\n${labels}`, value)
  }
  return [...merged.values()].map(({ family, values }) => ({ ...family, samples: [...values].map(toSample) }))
}

function toSample([key, value]: [string, number]): Sample {
  const end = key.indexOf('\n')
  return [key.slice(0, end), key.slice(end + 1), value]
}

function add({ family, values }: Merged, key: string, value: number): void {
  const before = values.get(key)
  if (before === undefined) values.set(key, value)
  else if (family.merge === 'sum') values.set(key, before + value)
  else values.set(key, family.merge === 'max' ? Math.max(before, value) : Math.min(before, value))
}
