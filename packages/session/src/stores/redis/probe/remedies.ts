/** Every reason that a step has for not being `ok`, and what to do about it. */

const certificateOfServer = 'Give the server a certificate that is good, and restart or reload it.'
const namedCa = 'Name the authority that signed it as tls.ca.'
const grant = 'Add it to the ACL rule of the user; docs/reference/redis.md has the smallest that works.'

/** A closed set: a reason may be added, none changes its meaning. */
export const remedies = {
  'name-unknown': 'Check the host name, and the name servers of this machine.',
  'name-server-silent': 'Check the name servers of this machine.',
  refused: 'Start the server, or check host and port.',
  unreachable: 'Check the network, its rules and the address.',
  silent: 'Check that the server runs, and that no firewall drops what is sent to it.',
  'tls-not-spoken': 'Remove tls (in a URL, write redis://), or name the port at which the server speaks TLS.',
  'tls-expected': 'Add tls: {} (in a URL, write rediss://), or name the port for plain connections.',
  'tls-failed': 'Compare the versions and ciphers of TLS that both sides allow.',
  'certificate-expired': certificateOfServer,
  'certificate-not-yet-valid': 'Check the clocks of both machines, and the certificate.',
  'certificate-ends-soon': 'Renew it in time.',
  'certificate-name': 'Connect by a name that is in the certificate, or give that name as tls.serverName.',
  'certificate-untrusted': namedCa,
  'certificate-unreadable': 'Give tls.ca, tls.certificate and tls.key as PEM, the key being that of the certificate.',
  'client-certificate-wanted': 'Give tls.certificate and tls.key.',
  'client-certificate-refused': 'Give a certificate that an authority signed which the server trusts.',
  'hung-up': 'Look at the log of the server; it may not allow this address.',
  'not-redis': 'Check host and port: something else answers there.',
  'too-much': 'Check host and port: something else answers there.',
  'greeting-refused': 'Look at the log of the server.',
  'protected-mode': 'Give the server a password, or bind it to an address that only gateways reach.',
  'password-missing': 'Write auth: { username: NAME, password: { env: REDIS_PASSWORD } }.',
  'password-wrong': 'Compare user name and password with the ACL of the server.',
  'password-unreadable': 'See that the password lies where auth.password says, readable for the user of coatcheck.',
  'too-old': 'Use Redis 6.2 or later, or Valkey 7.2 or later.',
  'not-told': 'Nothing need be done; it was not tested.',
  'database-missing': 'Use database 0, or raise "databases" in the configuration of the server.',
  loading: 'Wait until the server has loaded its data.',
  replica: 'Name the primary, or all of them as replicated, or their sentinels as sentinel.',
  'primary-missing': 'Promote one of them: the primary is the one that others replicate.',
  'several-primaries': 'Make all but one of them a replica; sessions kept on the others are lost.',
  sentinel: 'Write sentinel: { masterName: …, nodes: [ … ] }; the port of data is usually 6379.',
  'not-a-sentinel': 'Name the sentinels, usually at port 26379; or write standalone or replicated.',
  'master-name-unknown': 'Write as masterName what follows "sentinel monitor" in the configuration of the sentinels.',
  'sentinels-disagree': 'Look at the log of the sentinels: a failover may be under way, or the network cut.',
  'cluster-wanted': 'Name nodes of a cluster, or write standalone.',
  'cluster-found': 'Write cluster: { nodes: [ … ] }.',
  'cluster-down': 'Bring back the nodes that are missing: CLUSTER NODES lists them.',
  'slots-uncovered': 'Assign the slots that no primary has: CLUSTER SLOTS lists the others.',
  'command-forbidden': grant,
  'key-forbidden': grant,
  'channel-forbidden': grant,
  evicts: 'Set maxmemory-policy noeviction, and maxmemory so that all sessions fit.',
  'closes-early': 'Set timeout 0, or one of some minutes.',
  'connections-short': 'Raise maxclients, and the limit of open files of the server.',
  'clock-differs': 'Let a time service set the clocks of all machines.',
  'out-of-time': 'Test again when the servers that did not answer are back.',
} as const

export type ProbeReason = keyof typeof remedies
