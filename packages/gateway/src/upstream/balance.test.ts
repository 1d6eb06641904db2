import { describe, expect, test } from 'vitest'
import { Balance } from './balance.ts'
import { readTarget } from './target.ts'

function balance(weights: readonly number[], failing = { after: 2, for: 1000 }) {
  const clock = { now: 0 }
  const changes: string[] = []
  const targets = weights.map((weight, i) => readTarget({ url: `http://${String.fromCharCode(97 + i)}:80`, weight }))
  const chosen = new Balance({
    targets,
    failing,
    clock: () => clock.now,
    changed: ({ host }, up) => void changes.push(`${host} ${up ? 'up' : 'down'}`),
  })
  const pick = () => chosen.pick([])!
  const names = (count: number) => Array.from({ length: count }, () => pick().target.host).join('')
  const standing = (name: string) => {
    for (;;) {
      const found = pick()
      if (found.target.host === name) return found
    }
  }
  return { chosen, clock, changes, names, standing }
}

describe('turns', () => {
  test('go round by weight, spread out', () => {
    expect(balance([1, 1, 1]).names(6)).toBe('abcabc')
    expect(balance([5, 1, 1]).names(7)).toBe('aabacaa')
    expect(balance([1, 0, 2]).names(6)).toBe('caccac')
  })

  test('keep to the weights over any number of rounds', () => {
    const all = balance([3, 2, 1]).names(600)
    expect(['a', 'b', 'c'].map((name) => all.split(name).length - 1)).toEqual([300, 200, 100])
  })

  test('never come to a weight of 0; with none left there is no target', () => {
    expect(balance([1, 0]).names(4)).toBe('aaaa')
    expect(balance([0, 0]).chosen.pick([])).toBeUndefined()
  })

  test('of one request come to no target twice', () => {
    const { chosen } = balance([1, 1])
    const first = chosen.pick([])!
    const second = chosen.pick([first])!
    expect(second.target).not.toBe(first.target)
    expect(chosen.pick([first, second])).toBeUndefined()
    const { chosen: lone } = balance([1])
    expect(lone.pick([lone.pick([])!])).toBeUndefined()
  })
})

describe('a failing target', () => {
  test('is set aside after so many failures in a row; an answer between them starts anew', () => {
    const { chosen, changes, names, standing } = balance([1, 1])
    const a = standing('a')
    chosen.failed(a)
    chosen.succeeded(a)
    chosen.failed(a)
    expect([names(4).includes('a'), changes]).toEqual([true, []])
    chosen.failed(a)
    expect([names(4), changes]).toEqual(['bbbb', ['a down']])
  })

  test('is tried by one request when its time is over, and is back when that is answered', () => {
    const { chosen, clock, changes, names, standing } = balance([1, 1])
    const a = standing('a')
    chosen.failed(a)
    chosen.failed(a)
    clock.now = 999
    expect(names(4)).toBe('bbbb')
    clock.now = 1000
    expect(names(6).split('a')).toHaveLength(2)
    chosen.succeeded(a)
    expect(names(4).split('a')).toHaveLength(3)
    expect(changes).toEqual(['a down', 'a up'])
  })

  test('that fails its trial is away again for the whole time, and told about once', () => {
    const { chosen, clock, changes, names, standing } = balance([1, 1])
    const a = standing('a')
    for (let i = 0; i < 2; i++) chosen.failed(a)
    clock.now = 1000
    names(2)
    chosen.failed(a)
    clock.now = 1999
    expect([names(4), changes]).toEqual(['bbbb', ['a down']])
  })

  test('is tried all the same when no other is left', () => {
    const { chosen, names, standing } = balance([1, 1])
    for (const name of ['a', 'b']) {
      const each = standing(name)
      for (let i = 0; i < 2; i++) chosen.failed(each)
    }
    const all = names(4)
    expect([all.includes('a'), all.includes('b')]).toEqual([true, true])
  })

  test('is not held for longer by a clock that was set back', () => {
    const { chosen, clock, names, standing } = balance([1, 1])
    clock.now = 1_000_000
    const a = standing('a')
    for (let i = 0; i < 2; i++) chosen.failed(a)
    clock.now = 0
    expect(names(4)).toContain('a')
  })
})

test('a target is read with its port, scheme and address', () => {
  expect(readTarget({ url: 'https://[::1]', weight: 1 })).toMatchObject({
    ...{ secure: true, host: '::1', port: 443, address: '[::1]:443', authority: '[::1]' },
  })
  expect(readTarget({ url: 'http://a.example:8080', weight: 1 })).toMatchObject({
    ...{ secure: false, host: 'a.example', port: 8080, address: 'a.example:8080', authority: 'a.example:8080' },
  })
})
