import { expect, test } from 'vitest'
import { defaultSessionSpec, emptyModel } from './defaults.ts'
import type { Translation } from './dialect.ts'
import { merge } from './merge.ts'
import type { GatewayModel } from './model.ts'

/** A translation whose places are pointers, so that tests can read them. */
const source = (file: string, model: Partial<GatewayModel> | undefined): Translation => ({
  model: model && { ...emptyModel, ...model },
  diagnostics: [],
  placeOf: (pointer) => ({ file: file + pointer, line: 1, column: 1 }),
})
const session = (name: string) => defaultSessionSpec(name, undefined)

test('merge() puts lists together in the order of the sources', () => {
  const { model, diagnostics } = merge([
    source('a', { sessions: [session('x')] }),
    source('b', { sessions: [session('y'), session('z')] }),
  ])
  expect(model?.sessions.map(({ name }) => name)).toEqual(['x', 'y', 'z'])
  expect(diagnostics).toEqual([])
})

test('merge() refuses a name that two sources define, shows both places, and keeps the first', () => {
  const { model, diagnostics } = merge([
    source('a', { sessions: [session('x')] }),
    source('b', { sessions: [session('y'), { ...session('x'), mode: 'off' }] }),
  ])
  expect(model?.sessions.map(({ name, mode }) => [name, mode])).toEqual([
    ['x', 'on-demand'],
    ['y', 'on-demand'],
  ])
  expect(diagnostics).toMatchObject([
    { code: 'defined-twice', place: { file: 'b/sessions/1' }, related: [{ file: 'a/sessions/0' }] },
  ])
})

test('merge() leaves names that one source has twice to check()', () => {
  const { model, diagnostics } = merge([source('a', { sessions: [session('x'), session('x')] })])
  expect(model?.sessions).toHaveLength(2)
  expect(diagnostics).toEqual([])
})

test('merge() takes the one value that is not the default, and refuses two that differ', () => {
  expect(merge([source('a', {}), source('b', { workers: 3, internal: undefined })]).model).toMatchObject({
    workers: 3,
    internal: undefined,
  })
  const { model, diagnostics } = merge([
    source('a', { name: 'a' }),
    source('b', { name: 'b' }),
    source('c', { name: 'a' }),
  ])
  expect(model?.name).toBe('a')
  expect(diagnostics).toMatchObject([
    { code: 'defined-twice', place: { file: 'b/name' }, related: [{ file: 'a/name' }] },
  ])
})

test('merge() leads from the joined model to the places of the sources', () => {
  const { placeOf } = merge([
    source('a', { sessions: [session('x')], workers: 2 }),
    source('b', { sessions: [session('y')], name: 'b' }),
  ])
  expect(placeOf('/sessions/1/cookie/name')?.file).toBe('b/sessions/0/cookie/name')
  expect(placeOf('/workers')?.file).toBe('a/workers')
  expect(placeOf('/name')?.file).toBe('b/name')
  expect(placeOf('/shutdown')?.file).toBe('a/shutdown')
})

test('merge() has no model when one source has none, or there is no source', () => {
  const failed = {
    ...source('b', undefined),
    diagnostics: [
      { severity: 'error', code: 'x', place: undefined, message: '', consequence: '', remedy: '' } as const,
    ],
  }
  expect(merge([source('a', {}), failed])).toMatchObject({ model: undefined, diagnostics: [{ code: 'x' }] })
  expect(merge([]).model).toBeUndefined()
})
