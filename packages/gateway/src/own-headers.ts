import type { ErrorCode } from './errors.ts'
import { type HeaderList, isNamed } from './headers.ts'

/** What every answer of the gateway's own says of itself, also one without a body: its code, and the request id. */
export const ownHeaders = (code: ErrorCode, id: string): HeaderList => ['Coatcheck-Code', code, 'X-Request-Id', id]

/** Whether a header would make an upstream's answer look like one of the gateway's own. */
export const isCodeHeader = (name: string): boolean => isNamed(name, 'coatcheck-code')
