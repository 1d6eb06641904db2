export { native } from './native/dialect.ts'
