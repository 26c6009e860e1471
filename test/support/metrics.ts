/** The content of `/metrics`: samples by name and labels, and the type of each metric. */
export type Metrics = {
  text: string
  samples: Map<string, number>
  kinds: Map<string, string>
}

/** Reads `/metrics`. Throws for a line that is not in the format of Prometheus. */
export async function scrape(url: string | null): Promise<Metrics> {
  const answer = await fetch(url ?? '')
  if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}`)
  const text = await answer.text()
  const samples = new Map<string, number>()
  const kinds = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, name = '', kind = ''] = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line) ?? []
    if (name) kinds.set(name, kind)
    else if (line !== '' && !/^# HELP \w+ \S/.test(line)) samples.set(...sampleIn(line))
  }
  return { text, samples, kinds }
}

function sampleIn(line: string): [string, number] {
  const label = String.raw`[a-z_]\w*="[^"\\\n]*"`
  const pattern = new RegExp(String.raw`^([a-z_]\w*(?:\{(?:${label}(?:,${label})*)?\})?) (\S+)$`)
  const [, sample = '', value = ''] = pattern.exec(line) ?? []
  if (sample === '' || Number.isNaN(Number(value))) throw new Error(`no line of metrics: ${line}`)
  return [sample, Number(value)]
}

const patienceMilliseconds = 10_000

/** Runs `work` and waits for the expected growth of samples, because requests are counted after their response. */
export async function growth(
  url: string | null,
  work: () => Promise<unknown>,
  wanted: Record<string, number>,
) {
  const before = (await scrape(url)).samples
  await work()
  const grown = async () => {
    const after = (await scrape(url)).samples
    const names = Object.keys(wanted)
    return Object.fromEntries(names.map((name) => [name, (after.get(name) ?? 0) - (before.get(name) ?? 0)]))
  }
  const deadline = performance.now() + patienceMilliseconds
  let found = await grown()
  while (!Bun.deepEquals(found, wanted) && performance.now() < deadline) {
    await Bun.sleep(20)
    found = await grown()
  }
  return found
}
