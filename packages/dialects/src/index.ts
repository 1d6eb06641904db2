export { native } from './native/dialect.ts'
export { type JsonSchema, type JsonSchemaOptions, jsonSchema } from './native/json-schema.ts'
export { printNative } from './native/print.ts'
export { configurationReference } from './native/reference.ts'
