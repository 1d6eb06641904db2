import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTemplate, type TemplatePart } from './template.ts'

const parts = (text: string) => {
  const result = parseTemplate(text)
  if (!result.ok) throw new Error(result.problem)
  return result.value
}

test.each<[string, TemplatePart[]]>([
  ['', []],
  ['plain', [{ kind: 'text', text: 'plain' }]],
  ['{session.user_id}', [{ kind: 'session', attribute: 'user_id' }]],
  ['{session.a.b}', [{ kind: 'session', attribute: 'a.b' }]],
  ['{session.$id}', [{ kind: 'session-id' }]],
  ['{session.$expiresIn}', [{ kind: 'session-expires-in' }]],
  ['{identity.sub}', [{ kind: 'identity', claim: ['sub'] }]],
  ['{identity.address.country}', [{ kind: 'identity', claim: ['address', 'country'] }]],
  [
    'Bearer {tokens.access_token}',
    [
      { kind: 'text', text: 'Bearer ' },
      { kind: 'token', token: 'access_token' },
    ],
  ],
  ['{tokens.id_token}', [{ kind: 'token', token: 'id_token' }]],
  [
    '{request.method}{request.host}',
    [
      { kind: 'request', field: 'method' },
      { kind: 'request', field: 'host' },
    ],
  ],
  ['{request.path}', [{ kind: 'request', field: 'path' }]],
  ['{request.id}', [{ kind: 'request', field: 'id' }]],
  ['{client.address}', [{ kind: 'client-address' }]],
  ['{route.name}', [{ kind: 'route-name' }]],
  ['{{literal}}', [{ kind: 'text', text: '{literal}' }]],
  ['{{{route.name}}}', [{ kind: 'text', text: '{' }, { kind: 'route-name' }, { kind: 'text', text: '}' }]],
])('parseTemplate(%j)', (text, expected) => {
  expect(parts(text)).toEqual(expected)
})

test.each([
  '{',
  '}',
  'a{b',
  'a}b',
  '{}',
  '{session}',
  '{session.}',
  '{session.$}',
  '{session.$secret}',
  '{identity}',
  '{identity.}',
  '{identity.a..b}',
  '{identity.a.}',
  '{identity..a}',
  '{tokens.refresh_token}',
  '{request.body}',
  '{request}',
  '{client.port}',
  '{route}',
  '{env.HOME}',
  '{ route.name }',
  '{Route.name}',
  '{session.a{b}',
  '{{route.name}',
  '{session.a\r\n}',
  '{constructor}',
  '{__proto__}',
  '{toString}',
])('parseTemplate(%j) is refused with a remedy', (text) => {
  const result = parseTemplate(text)
  expect(result.ok).toBe(false)
  expect(!result.ok && result.remedy).toMatch(/brace/)
})

test('parseTemplate() suggests the name that was meant', () => {
  const result = parseTemplate('{client.adress}')
  expect(!result.ok && result.remedy).toContain('Did you mean "client.address"?')
})

test('parseTemplate() never throws, and never leaves an empty text or two texts side by side', () => {
  const piece = fc.constantFrom('{', '}', '{{', '}}', '{session.', '{route.name}', '.', '$id', 'a', '\n')
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (text) => {
        const result = parseTemplate(text)
        if (!result.ok) return
        result.value.forEach((part, index) => {
          if (part.kind !== 'text') return
          expect(part.text).not.toBe('')
          expect(result.value[index + 1]?.kind).not.toBe('text')
        })
      },
    ),
  )
})

test('any text with its braces doubled means exactly that text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(parts(text.replace(/[{}]/g, '$&$&'))).toEqual(text === '' ? [] : [{ kind: 'text', text }])
    }),
  )
})
