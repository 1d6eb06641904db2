/** An IPv4 address in its one strict spelling: four decimal numbers, no leading zeros. */
export function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)
}

/** An IPv6 address without brackets or zone (RFC 4291, section 2.2). */
export function isIpv6(text: string): boolean {
  if (text.length > 45 || !text.includes(':')) return false
  const halves = text.split('::')
  if (halves.length > 2) return false
  const groups = halves.map(groupsOf)
  const count = groups.reduce((sum, group) => sum + group, 0)
  return halves.length === 2 ? count <= 7 : count === 8
}

/** An IPv4 or IPv6 address. */
export function isIp(text: string): boolean {
  return isIpv4(text) || isIpv6(text)
}

/** An address of this machine alone: 127.0.0.0/8 or `::1`. */
export function isLoopback(address: string): boolean {
  return (
    (isIpv4(address) && address.startsWith('127.')) || (isIpv6(address) && /^(?:0{0,4}:){2,7}0{0,3}1$/.test(address))
  )
}

/** A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address alone. */
export function isCidr(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  if (more !== undefined || !isIp(address)) return false
  return bits === undefined || (/^(?:0|[1-9][0-9]{0,2})$/.test(bits) && Number(bits) <= (isIpv4(address) ? 32 : 128))
}

/** 16-bit groups of one side of `::`, an IPv4 tail counting two; more than any address has when one is wrong. */
function groupsOf(half: string): number {
  if (half === '') return 0
  const parts = half.split(':')
  const tail = parts.at(-1)!
  const ipv4 = tail.includes('.')
  const hex = ipv4 ? parts.slice(0, -1) : parts
  const right = hex.every((part) => /^[0-9A-Fa-f]{1,4}$/.test(part)) && (!ipv4 || isIpv4(tail))
  return right ? hex.length + (ipv4 ? 2 : 0) : 9
}
