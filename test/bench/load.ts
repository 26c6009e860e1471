// Generates load where wrk is not installed. Usage: bun test/bench/load.ts <url> <token> <connections> <seconds>

const [, , url = '', token = '', connections = '1', seconds = '1'] = Bun.argv
const end = performance.now() + Number(seconds) * 1000
let count = 0

async function keepAsking() {
  while (performance.now() < end) {
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    await answer.arrayBuffer()
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
    count++
  }
}
await Promise.all(Array.from({ length: Number(connections) }, keepAsking))
console.log(`Requests/sec: ${count / Number(seconds)}`)
