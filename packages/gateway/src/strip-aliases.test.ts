import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { aliasesOf, foldName, startsFolded, stripAliases } from './strip-aliases.ts'

describe('stripAliases', () => {
  test('removes every spelling, keeps the rest in its order, and makes no new list', () => {
    const headers = ['a', '1', 'X-User-Id', '2', 'x_user_id', '3', 'X.USER-ID', '4', 'X-User-Ids', '5', 'b', '6']
    stripAliases(headers, aliasesOf(['x-user-id']))
    expect(headers).toEqual(['a', '1', 'X-User-Ids', '5', 'b', '6'])
  })

  test.each(['X-User', 'X_User', 'x.user', 'X-USER', 'x~User', 'x user'])('%j is a spelling of X-User', (name) => {
    expect(aliasesOf(['X-User'])(name)).toBe(true)
  })

  test.each(['x-user_', '_x-user', 'x--user', 'xuser', 'x-users', 'x-use', ''])('%j is none of X-User', (name) => {
    expect(aliasesOf(['X-User'])(name)).toBe(false)
  })

  test('F3: no header name that folds to one of ours is left, and no other is taken', () => {
    const names = ['X-User-Id', 'Remote_Groups', 'a', '', 'x-user.name']
    const folded = new Set(names.map(foldName))
    const isAlias = aliasesOf(names)
    const character = fc.oneof(
      fc.constantFrom(...'xXuUsSeErR-_. iIdDgGoOpPmMtTnNaA'),
      fc.string({ unit: 'binary', maxLength: 1 }),
    )
    const near = fc.constantFrom(...names).chain((name) =>
      fc.array(fc.tuple(fc.nat(name.length), character), { maxLength: 3 }).map((changes) => {
        const letters = [...name]
        for (const [at, letter] of changes) letters[at] = letter
        return letters.join('')
      }),
    )
    fc.assert(
      fc.property(
        fc.oneof(
          near,
          fc.array(character, { maxLength: 16 }).map((all) => all.join('')),
        ),
        (name) => {
          // Wire names are bytes; only those keep their length when folded.
          fc.pre(/^[\0-\xff]*$/.test(name))
          const plain = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/[^a-z0-9]/g, '-')
          expect(isAlias(name)).toBe(folded.has(plain))
        },
      ),
      { numRuns: 100_000 },
    )
  })

  test('startsFolded() agrees with folding the whole name', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'xX-_.fFoO0') }),
        fc.constantFrom('x-fo', 'fo', 'x--0'),
        (name, start) => {
          expect(startsFolded(name, start)).toBe(foldName(name).startsWith(start))
        },
      ),
      { numRuns: 10_000 },
    )
  })
})
