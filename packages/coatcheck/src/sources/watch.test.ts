import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Schedule } from '@coatcheck/session'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createMovedClock, type MovedClock } from '../testing/moved-clock.ts'
import { configurationNames, type Fingerprints, look } from './fingerprint.ts'
import { createWatcher, type Watcher } from './watch.ts'

let folder: string
let watcher: Watcher | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coatcheck-watch-'))
})
afterEach(() => {
  watcher?.stop()
  watcher = undefined
  rmSync(folder, { recursive: true })
})

const at = (name: string) => join(folder, name)
const seen = (...paths: string[]): Fingerprints => new Map(paths.map((path) => [path, look(path)]))
const never = 2 ** 30

/** Watches the paths; `next()` resolves at the next call. */
function watching(paths: readonly string[], times = { settle: 20, poll: never }, schedule?: Schedule) {
  let calls = 0
  let wake: () => void = () => {}
  watcher = createWatcher(
    () => {
      calls++
      wake()
    },
    times,
    schedule,
  )
  watcher.expect(seen(...paths))
  return {
    calls: () => calls,
    next: (action: () => void) =>
      new Promise<void>((resolve) => {
        wake = resolve
        action()
      }),
  }
}

describe('the watcher calls', () => {
  test('when a file is written in place', async () => {
    writeFileSync(at('a.yaml'), 'one')
    const { next } = watching([at('a.yaml')])
    await next(() => appendFileSync(at('a.yaml'), 'two'))
  })

  test('when a file is replaced by renaming', async () => {
    writeFileSync(at('a.yaml'), 'one')
    const { next } = watching([at('a.yaml')])
    writeFileSync(at('new'), 'two')
    await next(() => renameSync(at('new'), at('a.yaml')))
  })

  test('when a file that was missing comes', async () => {
    const { next } = watching([at('a.yaml')])
    await next(() => writeFileSync(at('a.yaml'), 'one'))
  })

  test('when a file comes into a folder of configuration', async () => {
    mkdirSync(at('conf'))
    const { next } = watching([at('conf')])
    await next(() => writeFileSync(at('conf/a.yaml'), 'one'))
  })

  test('when Kubernetes swaps the link behind a mounted file', async () => {
    for (const version of ['..1', '..2']) {
      mkdirSync(at(version))
      writeFileSync(at(`${version}/a.yaml`), version)
    }
    symlinkSync('..1', at('..data'))
    symlinkSync('..data/a.yaml', at('a.yaml'))
    const { next } = watching([at('a.yaml')])
    symlinkSync('..2', at('..data_tmp'))
    await next(() => renameSync(at('..data_tmp'), at('..data')))
  })

  test('when the file behind a link into another folder changes', async () => {
    mkdirSync(at('elsewhere'))
    writeFileSync(at('elsewhere/real'), 'one')
    symlinkSync('elsewhere/real', at('a.yaml'))
    const { next } = watching([at('a.yaml')])
    await next(() => appendFileSync(at('elsewhere/real'), 'two'))
  })

  test('for what the system did not tell, at the next look', async () => {
    const { next } = watching([join(folder, 'not/yet/there.yaml')], { settle: 20, poll: 20 })
    await next(() => {
      mkdirSync(at('not/yet'), { recursive: true })
      writeFileSync(at('not/yet/there.yaml'), 'one')
    })
  })
})

describe('by a moved clock', () => {
  let clock: MovedClock
  beforeEach(() => {
    clock = createMovedClock()
  })

  test('a change is told once', () => {
    writeFileSync(at('a.yaml'), 'one')
    const { calls } = watching([at('a.yaml')], { settle: 100, poll: 5000 }, clock.schedule)
    appendFileSync(at('a.yaml'), 'two')
    clock.move(5000)
    expect(calls()).toBe(1)
    clock.move(60_000)
    expect(calls()).toBe(1)
  })

  test('other files in the folder are not told', () => {
    writeFileSync(at('a.yaml'), 'one')
    const { calls } = watching([at('a.yaml')], { settle: 100, poll: 5000 }, clock.schedule)
    writeFileSync(at('sessions.db'), 'written all the time')
    clock.move(60_000)
    expect(calls()).toBe(0)
  })

  test('a change between reading and watching is told', () => {
    writeFileSync(at('a.yaml'), 'one')
    const before = seen(at('a.yaml'))
    appendFileSync(at('a.yaml'), 'two')
    const { calls } = watching([], { settle: 100, poll: 5000 }, clock.schedule)
    watcher?.expect(before)
    clock.move(5000)
    expect(calls()).toBe(1)
  })

  test('nothing is told after stop()', () => {
    writeFileSync(at('a.yaml'), 'one')
    const { calls } = watching([at('a.yaml')], { settle: 100, poll: 5000 }, clock.schedule)
    watcher?.stop()
    appendFileSync(at('a.yaml'), 'two')
    clock.move(60_000)
    expect(calls()).toBe(0)
  })
})

test('configuration in a folder is *.yaml and *.yml, not hidden, no folders, sorted', () => {
  for (const name of ['b.yaml', 'a.yml', '.hidden.yaml', 'c.json', 'd.yaml.swp']) writeFileSync(at(name), '')
  mkdirSync(at('e.yaml'))
  expect(configurationNames(folder)).toEqual(['a.yml', 'b.yaml'])
})
