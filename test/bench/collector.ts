// Receives the traces of bench/me.ts and discards them.

const { port } = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  async fetch(request) {
    await request.arrayBuffer()
    return Response.json({})
  },
})
console.log(`http://127.0.0.1:${port}`)
