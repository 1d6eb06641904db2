export * from './connection-handler.ts'
export type { ConnectionProtocol, Generation, ServingLimits, ServingPorts, Users } from './serving.ts'
export { createWaiting, type Waiting } from './waiting.ts'
