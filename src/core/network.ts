import ipaddr from 'ipaddr.js'

/** The unit that limits count: an IPv4 address, or an IPv6 /64, the smallest network that a subscriber gets. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip
  const address = ipaddr.process(ip)
  if (!(address instanceof ipaddr.IPv6)) return address.toString()
  const prefix = address.parts.slice(0, 4).map((part) => part.toString(16))
  return `${prefix.join(':')}::/64`
}
