import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import type { LoadedConfiguration } from '../sources/source.ts'
import { stateFolder } from '../state/state-folder.ts'
import { startGateway } from './start.ts'

test('signals are listened to before anything is loaded, and left to the system again afterwards', async () => {
  const signals = ['SIGHUP', 'SIGTERM', 'SIGINT'] as const
  const listeners = () => signals.map((signal) => process.listenerCount(signal))
  const before = listeners()
  const loading = Promise.withResolvers<LoadedConfiguration>()
  const source = { load: () => loading.promise, watch: () => () => {} }
  const ended = startGateway(source, { state: stateFolder(undefined, {}, tmpdir()), version: 'test' })
  expect(listeners()).toEqual(before.map((count) => count + 1))
  loading.reject(new Error('nothing to read'))
  await expect(ended).rejects.toThrow('nothing to read')
  expect(listeners()).toEqual(before)
})
