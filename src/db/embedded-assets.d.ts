// Imported `with { type: 'file' }`: the value is a path, on disk from source and inside the executable once compiled.
declare module '@electric-sql/pglite/pglite.wasm' {
  const path: string
  export default path
}

declare module '@electric-sql/pglite/pglite.data' {
  const path: string
  export default path
}
