declare module 'spdx-expression-parse' {
  /** Throws for what is no expression of SPDX. */
  export default function parse(expression: string): unknown
}
