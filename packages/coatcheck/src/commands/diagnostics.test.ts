import type { Diagnostic } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { asGithub, asText, counted } from './diagnostics.ts'

const unreachable: Diagnostic = {
  severity: 'error',
  code: 'route-unreachable',
  place: { file: 'shop.yaml', line: 22, column: 3 },
  message: 'Route "admin" can never match.',
  consequence: '/admin would be served without login.',
  remedy: 'Move "admin" up.',
  related: [{ file: 'shop.yaml', line: 9, column: 3 }],
}
const placeless: Diagnostic = {
  severity: 'warning',
  code: 'odd',
  place: undefined,
  message: '50% of it,\nor so: odd.',
  consequence: 'None.',
  remedy: '',
}

test('text says where, what, what would have happened, what to do', () => {
  expect(asText([unreachable, placeless])).toBe(`shop.yaml:22:3  error  route-unreachable
  Route "admin" can never match.
  /admin would be served without login. Move "admin" up.
  See also shop.yaml:9:3

warning  odd
  50% of it,
or so: odd.
  None.
`)
})

test('GitHub gets one command a diagnostic, escaped', () => {
  expect(asGithub([unreachable, { ...placeless, place: { file: 'a:b,c.yaml', line: 1, column: 2 } }])).toBe(
    `::error file=shop.yaml,line=22,col=3,title=route-unreachable::Route "admin" can never match.%0A/admin would be served without login. Move "admin" up.
::warning file=a%3Ab%2Cc.yaml,line=1,col=2,title=odd::50%25 of it,%0Aor so: odd.%0ANone.\n`,
  )
})

test('the count speaks English', () => {
  expect(counted([unreachable, placeless, placeless], 1)).toBe('1 error, 2 warnings in 1 file')
  expect(counted([], 2)).toBe('0 errors, 0 warnings in 2 files')
})
