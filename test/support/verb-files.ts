const root = `${import.meta.dir}/../../src`

// Imports from modules that are not verbs: factories, schemas, pages, and files with their own tests.
const noVerbs =
  /\/(schema|guard|table|routes|messages|limits|keyring|liveness|sockets|record-rate-limits|console-page|protocol-page|credential-rules)$/

/** The files of modules whose exports routes and the server call, as `users/service`, in order. */
export async function verbFiles(): Promise<string[]> {
  const importers = [
    ...new Bun.Glob('modules/*/{routes,guard,token-grant}.ts').scanSync(root),
    ...new Bun.Glob('{server,cli}/*.ts').scanSync(root),
  ]
  const found = new Set<string>()
  for (const file of importers) {
    const source = await Bun.file(`${root}/${file}`).text()
    for (const { path } of new Bun.Transpiler({ loader: 'ts' }).scanImports(source)) {
      if (!path.startsWith('.')) continue
      const { pathname } = new URL(path, `file:///${file}`)
      const [, name] = /^\/modules\/([\w-]+\/[\w-]+)$/.exec(pathname) ?? []
      if (name && !noVerbs.test(pathname)) found.add(name)
    }
  }
  return [...found].toSorted()
}
