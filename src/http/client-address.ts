import ipaddr from 'ipaddr.js'

/** The client of a request, seen through trusted proxies. */
export type Peer = { ip: string | null; isTls: boolean }

type Range = ReturnType<typeof ipaddr.parseCIDR>

/**
 * Finds the address of the client. It is the address of the socket, or, behind a trusted proxy, the last untrusted one in
 * `X-Forwarded-For`: the client can write anything further left.
 */
export function createPeerFinder(trustedProxies: string[]) {
  const ranges = trustedProxies.map((range) => ipaddr.parseCIDR(range))
  const isTrusted = (ip: string) => ranges.length > 0 && ranges.some((range) => contains(range, ip))

  return (socketAddress: string | null, headers: Headers): Peer => {
    const nearest = socketAddress && canonical(socketAddress)
    if (!nearest || !isTrusted(nearest)) return { ip: nearest, isTls: false }
    const isTls = headers.get('x-forwarded-proto')?.split(',').at(-1)?.trim().toLowerCase() === 'https'
    return { ip: lastUntrusted(headers.get('x-forwarded-for') ?? '', nearest, isTrusted), isTls }
  }
}

function lastUntrusted(forwarded: string, nearest: string, isTrusted: (ip: string) => boolean): string {
  let ip = nearest
  for (const hop of forwarded.split(',').reverse()) {
    const address = canonical(withoutPort(hop.trim()))
    if (!address) return ip
    ip = address
    if (!isTrusted(ip)) return ip
  }
  return ip
}

const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const ipv4 = `${octet}(\\.${octet}){3}`
const plainIpv4 = new RegExp(`^${ipv4}$`)
const port = ':([1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])'
const bracketed = '\\[(?<v6>[\\da-f]*:[\\da-f:.]*)\\]'
const withPort = new RegExp(`^((?<v4>${ipv4})${port}|${bracketed}(${port})?)$`, 'i')

/** Some proxies append the port. An IPv6 address with a port stands in brackets. */
function withoutPort(hop: string): string {
  const { v4, v6 } = withPort.exec(hop)?.groups ?? {}
  return v4 ?? v6 ?? hop
}

/** The one spelling of an address, IPv4-mapped IPv6 as IPv4; `null` for anything else. */
function canonical(address: string): string | null {
  // The fast path: a socket on an IPv4 network has this spelling already.
  if (plainIpv4.test(address)) return address
  return ipaddr.isValid(address) ? ipaddr.process(address).toString() : null
}

function contains([network, bits]: Range, ip: string) {
  const address = ipaddr.parse(ip)
  return address.kind() === network.kind() && address.match(network, bits)
}
