import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'

test.each([
  ['an exception', "setImmediate(() => { throw new Error('out of the blue') })"],
  ['a rejection', "Promise.reject(new Error('out of the blue'))"],
])(
  '%s that nobody catches is logged, what is buffered is written, and the process ends with 70',
  async (_what, breaks) => {
    const program = `
    const { endOnFatal } = await import(${JSON.stringify(new URL('./fatal.ts', import.meta.url).href)})
    const { createObservability } = await import(${JSON.stringify(new URL('../observability/observability.ts', import.meta.url).href)})
    endOnFatal(createObservability({ version: '0.0.0' }))
    setInterval(() => {}, 1000)
    ${breaks}`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program])
    let said = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    const [code] = await once(child, 'close')
    expect(code).toBe(70)
    expect(said).toContain('out of the blue')
  },
)
