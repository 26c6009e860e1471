// With { type: 'text' } these are the contents of the file.
declare module '*.sql' {
  const text: string
  export default text
}
declare module '*.md' {
  const text: string
  export default text
}

// With { type: 'file' } these are paths: on the disk, or inside the executable.
declare module '*.js' {
  const path: string
  export default path
}
declare module '*.css' {
  const path: string
  export default path
}
declare module '*.png' {
  const path: string
  export default path
}

/** The build puts it in, see `build/executable.ts`. */
declare const FASTKIT_COMMIT: string | undefined
