export { freePort } from '../../packages/coatcheck/src/runtime/fixtures/free-port.ts'
