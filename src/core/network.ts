import ipaddr from 'ipaddr.js'

/** Who counts as one: an IPv4 address, or the /64 of an IPv6 address, the least that one subscriber is given. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip
  const address = ipaddr.process(ip)
  if (!(address instanceof ipaddr.IPv6)) return address.toString()
  const prefix = address.parts.slice(0, 4).map((part) => part.toString(16))
  return `${prefix.join(':')}::/64`
}
