import { expect, test } from 'vitest'
import { nodeWarning } from './node-version.ts'

test.each(['v24.22.1', 'v24.22.2', 'v24.23.0', 'v26.12.1', 'v26.13.0', 'v27.0.0', 'v28.1.2'])(
  '%s is new enough',
  (version) => {
    expect(nodeWarning(version)).toBeUndefined()
  },
)

test.each(['v24.22.0', 'v24.0.0', 'v22.99.0', 'v25.9.0', 'v26.12.0', 'v26.10.0', 'v20.1.2'])(
  '%s is warned about',
  (version) => {
    expect(nodeWarning(version)).toMatchObject({ severity: 'warning', code: 'node-outdated' })
    expect(nodeWarning(version)?.message).toContain(version.slice(1))
  },
)
