import type { GatewayModel } from '@coatcheck/model'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { native } from './dialect.ts'
import { anyModel } from './fixtures/any-model.ts'
import { printNative } from './print.ts'

const translate = (text: string) => native.translate([{ name: 'printed.yaml', text }], () => undefined)

test('printNative() of any model means that model again', () => {
  fc.assert(
    fc.property(anyModel, (model: GatewayModel) => {
      const { model: again, diagnostics } = translate(printNative(model))
      expect(diagnostics).toEqual([])
      expect(again).toEqual(model)
    }),
    { numRuns: 200 },
  )
})

test('printNative() writes no defaults', () => {
  const { model } = translate('listeners: { web: ":8080" }\nroutes: [{ upstream: http://127.0.0.1:3000 }]\n')
  expect(printNative(model!)).toBe(`listeners:
  web: :8080

routes:
  - name: route-1
    upstream: http://127.0.0.1:3000
`)
})

test('printNative() leaves a broken route an error, and its requests to nobody', () => {
  const { model } = translate('routes: [{ name: shop, match: /shop, upstream: missing }]')
  const { model: again, diagnostics } = translate(printNative(model!))
  expect(diagnostics.map(({ code }) => code)).toEqual(['action-missing'])
  expect(again?.routes[0]).toMatchObject({
    name: 'shop',
    matches: model!.routes[0]!.matches,
    action: { kind: 'broken' },
  })
})
