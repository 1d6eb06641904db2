import { expect, test } from 'vitest'
import { sessionField } from './session-field.ts'

test.each(['session.id', 'session', 'airlock.http.session.id', 'labels.session'])(
  '%s has a place of its own',
  (name) => {
    const { joins, before, after } = sessionField(name)!
    expect(joins).toBe('')
    const parsed = JSON.parse(`{${before}"x"${after}}`)
    expect(name.split('.').reduce((value, part) => value[part], parsed)).toBe('x')
  },
)

test.each([
  ['http.session.id', 'http'],
  ['coatcheck.session', 'coatcheck'],
  ['event.session.id', 'event'],
])('%s joins the object that is there', (name, joins) => {
  expect(sessionField(name)?.joins).toBe(joins)
})

test.each([
  '',
  '.',
  'a..b',
  'http',
  'http.request.id',
  'user.id',
  '@timestamp',
  'log.session',
  'url.path',
  'event.duration.x',
])('"%s" would break the line and is refused', (name) => {
  expect(sessionField(name)).toBeUndefined()
})

test('names are text, whatever they hold', () => {
  const { before, after } = sessionField('a"b.c\\d')!
  expect(JSON.parse(`{${before}1${after}}`)).toEqual({ 'a"b': { 'c\\d': 1 } })
  expect(sessionField('__proto__.id')?.joins).toBe('')
  expect(sessionField('constructor.id')?.joins).toBe('')
})
