import { createStage, crowd, cycle, flood, percentile, settled, stall, stampede } from '../support/soak'

// Measures the cost of many sockets and of misbehaving ones.
// Usage: bun test/bench/realtime-soak.ts [cycles|idle|stampede|flood|stall]

const cycles = 10_000
const rounds = 5
const idleSockets = 2000
const stampeding = 1000
const stallRounds = 4
const settleSeconds = 15
const floodSeconds = 10
const parts = {
  cycles: openAndClose,
  idle: stayIdle,
  stampede: allAtOnce,
  flood: withFlood,
  stall: withStall,
}

const [, , wanted] = Bun.argv
for (const [name, part] of Object.entries(parts)) if (!wanted || wanted === name) await part()

async function openAndClose() {
  const stage = await createStage()
  try {
    const tokens = await stage.tokens(20)
    await cycle(stage, tokens, cycles / 10)
    for (let round = 0; round < rounds; round++) {
      const before = await collected(stage)
      const startedAt = performance.now()
      await cycle(stage, tokens, cycles)
      const rate = cycles / ((performance.now() - startedAt) / 1000)
      const after = await collected(stage)
      print(`${cycles} cycles, ${rate.toFixed(0)} a second`, [
        `memory ${mebibytes(before.memory)} → ${mebibytes(after.memory)} MiB`,
        `objects ${before.objects} → ${after.objects}`,
        `descriptors ${before.descriptors} → ${after.descriptors}`,
      ])
    }
  } finally {
    await stage.end()
  }
}

/** Memory and objects after garbage collection, once the memory has settled. */
async function collected(stage: Awaited<ReturnType<typeof createStage>>) {
  await Bun.sleep(2000)
  for (let round = 0; round < 3; round++) await stage.objects()
  return { ...(await settled(stage, settleSeconds)), objects: await stage.objects() }
}

async function stayIdle() {
  const stage = await createStage()
  try {
    // The first sockets also pay for compiled code and reserved memory.
    await (await crowd(stage, 200))()
    const before = await settled(stage, settleSeconds)
    const leave = await crowd(stage, idleSockets)
    const after = await settled(stage, settleSeconds)
    const each = (after.memory - before.memory) / idleSockets / 1024
    print(`${idleSockets} idle sockets`, [`${each.toFixed(1)} KiB each (aim: 30)`])
    await leave()
  } finally {
    await stage.end()
  }
}

async function allAtOnce() {
  const stage = await createStage({ EMBEDDED_FSYNC: 'on' })
  try {
    const startedAt = performance.now()
    const { ready, writes } = await stampede(stage, stampeding)
    const slowest = Math.max(...writes.map(({ milliseconds }) => milliseconds))
    const statuses = [...new Set(writes.map(({ status }) => status))]
    const seconds = (performance.now() - startedAt) / 1000
    print(`${stampeding} sockets at once`, [
      `${ready} let in`,
      `come and gone in ${seconds.toFixed(1)} s`,
      `${writes.length} writes over HTTP answered ${statuses}, the slowest after ${slowest.toFixed(0)} ms`,
    ])
  } finally {
    await stage.end()
  }
}

async function withFlood() {
  const stage = await createStage()
  try {
    const { sent, cutOffs, roundTrips } = await flood(stage, floodSeconds)
    print(`${(sent / floodSeconds).toFixed(0)} messages a second from one client`, [
      `cut off ${cutOffs.length} times with ${[...new Set(cutOffs)]}`,
      `another's round trips: median ${percentile(roundTrips, 50).toFixed(1)} ms`,
      `p99 ${percentile(roundTrips, 99).toFixed(1)} ms of ${roundTrips.length} (aim: 50)`,
    ])
  } finally {
    await stage.end()
  }
}

async function withStall() {
  const stage = await createStage()
  try {
    const readers = 20
    const megabytes = 12
    for (let round = 0; round < stallRounds; round++) {
      const { codes, usual, rise } = await stall(stage, { readers, megabytes })
      const { memory } = await settled(stage, settleSeconds)
      print(`${readers} clients that do not read ${megabytes} MiB each`, [
        `cut off with ${[...new Set(codes)]}`,
        `memory rose by ${mebibytes(rise)} MiB at most, by ${mebibytes(usual)} when nobody listens`,
        `and is ${mebibytes(memory)} afterwards`,
      ])
    }
  } finally {
    await stage.end()
  }
}

function mebibytes(bytes: number) {
  return (bytes / 1024 / 1024).toFixed(1)
}

function print(title: string, values: string[]) {
  console.log(`${title}: ${values.join(', ')}`)
}
