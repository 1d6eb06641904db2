import type { GatewayModel } from '@coatcheck/model'
import { expect, test } from 'vitest'
import { createPreparing } from './prepare-again.ts'

const model = (name: string) => ({ name }) as GatewayModel
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** Writes down what happens; a preparation is done when the test says so. */
function bench() {
  const said: string[] = []
  const waiting: (() => void)[] = []
  let running: GatewayModel | undefined
  const preparing = createPreparing(
    async ({ name = '' }, again) => {
      const step = `${again ? 'again ' : ''}${name}`
      said.push(`prepare ${step}`)
      await new Promise<void>((resolve) => waiting.push(resolve))
      if (name === 'bad') throw new Error('bad')
      const end = (how: string) => () => void said.push(`${how} ${step}`)
      return { told: undefined, commit: end('commit'), undo: end('undo') }
    },
    () => running,
    (error) => said.push(String(error)),
  )
  const done = async () => {
    await turn()
    waiting.shift()?.()
    await turn()
  }
  const run = (name: string) => {
    running = model(name)
  }
  return { said, preparing, done, run }
}

test('what runs is prepared again and committed', async () => {
  const { said, preparing, done, run } = bench()
  run('a')
  preparing.again()
  await done()
  expect(said).toEqual(['prepare again a', 'commit again a'])
})

test('not while another model is prepared, but after it was committed or undone, and once', async () => {
  for (const end of ['commit', 'undo'] as const) {
    const { said, preparing, done, run } = bench()
    run('a')
    const next = preparing.prepare(model('b'))
    await done()
    preparing.again()
    preparing.again()
    const prepared = await next
    expect(said).toEqual(['prepare b'])
    if (end === 'commit') run('b')
    await prepared[end]()
    await done()
    const after = end === 'commit' ? 'b' : 'a'
    expect(said).toEqual(['prepare b', `${end} b`, `prepare again ${after}`, `commit again ${after}`])
  }
})

test('a model waits for what is prepared again', async () => {
  const { said, preparing, done, run } = bench()
  run('a')
  preparing.again()
  const next = preparing.prepare(model('b'))
  await done()
  await done()
  await next
  expect(said).toEqual(['prepare again a', 'commit again a', 'prepare b'])
})

test('nothing is prepared again before anything runs, nor after stop()', async () => {
  const { said, preparing, done, run } = bench()
  preparing.again()
  run('a')
  preparing.again()
  const stopped = preparing.stop()
  await done()
  await stopped
  preparing.again()
  await done()
  expect(said).toEqual(['prepare again a', 'undo again a'])
})

test('a failure is told, and the next time it is tried again', async () => {
  const { said, preparing, done, run } = bench()
  run('bad')
  preparing.again()
  await done()
  run('good')
  preparing.again()
  await done()
  expect(said).toEqual(['prepare again bad', 'Error: bad', 'prepare again good', 'commit again good'])
})
