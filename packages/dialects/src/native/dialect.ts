import type { Dialect } from '@coatcheck/model'
import { translate } from './translate.ts'

/** Our own configuration language: `coatcheck.yaml`. */
export const native: Dialect = { name: 'native', translate }
