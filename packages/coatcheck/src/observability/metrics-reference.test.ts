import { readFileSync } from 'node:fs'
import { native, printNative } from '@coatcheck/dialects'
import { expect, test } from 'vitest'
import { startAtZero } from './closed-sets.ts'
import { families } from './families.ts'
import type { MetricFamily } from './family.ts'
import { createMetrics } from './metrics.ts'
import { model } from './testing/exchange.ts'

const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8')

test('the page has every family with its type, labels and meaning', () => {
  const rows = Object.values(families()).map((family) => {
    const { name, type, help } = family.snapshot()
    const labels = family.labels.map((label) => `\`${label}\``).join(', ')
    return `| \`${name}\` | ${type} | ${labels} | ${help} |`
  })
  expect(page).toContain(`\n${['| name | type | labels | what it is |', '|---|---|---|---|', ...rows].join('\n')}\n\n`)
})

test('the page has every label, and every value of a closed set', () => {
  const all = families()
  for (const { labels } of Object.values(all)) {
    for (const label of labels) if (label !== 'version' && label !== 'revision') expect(page).toContain(`\`${label}\``)
  }
  startAtZero(all, model({ listeners: ['x'], sessions: ['x'], stores: ['x'], upstreams: { x: [] } }))
  const values = Object.values(all)
    .flatMap((family) => family.snapshot().samples)
    .flatMap(([, labels]) => [...labels.matchAll(/(?:reason|operation|result|level|output|protocol)="([^"]+)"/g)])
    .map(([, value]) => value!)
  expect(values.length).toBeGreaterThan(30)
  for (const value of values) expect(page).toContain(`\`${value}\``)
})

test('the label url is a target as translate prints it, as the page says', () => {
  const file = { name: 'coatcheck.yaml', text: 'name: shop\nupstreams: { app: "http://app:80" }\n' }
  const { model: translated } = native.translate([file], () => undefined)
  const metrics = createMetrics({ version: '1', revision: '' })
  metrics.configured(translated!)
  const labels = (metrics.counted() as readonly MetricFamily[])
    .find(({ name }) => name === 'coatcheck_upstream_up')!
    .samples.map(([, text]) => text)
  expect(labels).toEqual(['upstream="app",url="http://app"'])
  expect(printNative(translated!)).toContain('http://app\n')
  expect(page).toContain('as `coatcheck translate` prints it: `http://app:80` is `http://app` |')
})

test('the page has every metric of the process', async () => {
  const snapshot = (await createMetrics({ version: '1', revision: '' }).snapshot()) as readonly MetricFamily[]
  const names = snapshot.map(({ name }) => name).filter((name) => !name.startsWith('coatcheck_'))
  expect(page).toContain(`\n${names.map((name) => `- \`${name}\``).join('\n')}\n\n`)
})
