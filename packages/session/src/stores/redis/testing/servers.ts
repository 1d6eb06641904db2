/** Real servers for tests, in every deployment, on loopback. Each is disposed of with `await using`. */

export { type TestAuthority, type TestCertificate, testAuthority, tlsSettings } from './certificates.ts'
export { busSettings, slots, type TestCluster, testCluster } from './cluster.ts'
export type { TestServerOptions } from './launch.ts'
export { attempt, type Settings, type TestServer, until } from './processes.ts'
export { type TestReplicated, testReplicated } from './replicated.ts'
export { type TestSentinel, type TestSentinelOptions, testSentinel } from './sentinel.ts'
export { type TestStandalone, testStandalone } from './standalone.ts'
