import type { ConfigurationStatus, Diagnostic, GatewayStatus } from '@coatcheck/model'
import type { LoadedConfiguration } from '../sources/source.ts'
import type { RunningStatus } from './runner.ts'

/** What the program remembers of its configuration, and shows. */
export interface StatusKeeper {
  /** What runs now. */
  running(loaded: LoadedConfiguration, at: number): void
  /** An attempt to load that changed nothing. */
  failed(problems: readonly Diagnostic[], at: number): void
  status(running: RunningStatus): GatewayStatus
}

export interface StatusOptions {
  readonly version: string
  readonly node: string
  readonly startedAt: number
  /** Problems of this process, whatever the configuration is. */
  readonly always: readonly Diagnostic[]
}

export function createStatusKeeper({ version, node, startedAt, always }: StatusOptions): StatusKeeper {
  let configuration: ConfigurationStatus = {
    files: [],
    revision: '',
    loadedAt: 0,
    lastReload: { at: startedAt, result: 'failure' },
    problems: always,
  }
  return {
    running({ files, revision, diagnostics }, at) {
      const problems = [...always, ...diagnostics]
      configuration = { files, revision, loadedAt: at, lastReload: { at, result: 'success' }, problems }
    },
    failed(problems, at) {
      configuration = { ...configuration, lastReload: { at, result: 'failure' }, problems: [...always, ...problems] }
    },
    status: (running) => ({ version, node, startedAt, configuration, ...running }),
  }
}
